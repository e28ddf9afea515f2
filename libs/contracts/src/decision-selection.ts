import { z } from 'zod';
import { decisionView } from './decision.ts';
import { MAX_EXPRESSION } from './limits.ts';

/** The members of a pushed decision, in the order in which they are pushed. */
export const DECISION_FIELDS = decisionView.keyof().options;
export type DecisionField = (typeof DECISION_FIELDS)[number];

/** Which decisions a subscriber gets. The expression is checked where it is compiled. */
export const decisionFilter = z
  .string()
  .max(MAX_EXPRESSION)
  .describe(
    'CEL over the decision, such as `decision == "deny" && tool.startsWith("web.")`: only what it holds for is pushed. It may use direction, decision, tool, scope, correlationId, tags, latencyMs, timestamp, keyId and usage.',
  );

/** What of a decision a subscriber gets. */
export const decisionFields = z
  .array(
    z.enum(DECISION_FIELDS, {
      error: ({ input }) => `${JSON.stringify(input)} is no member of data: name some of ${DECISION_FIELDS.join(', ')}`,
    }),
  )
  .min(1)
  .max(DECISION_FIELDS.length)
  .describe('Members of `data` to push: it then has exactly these, as far as the decision has them. Absent: all.');
