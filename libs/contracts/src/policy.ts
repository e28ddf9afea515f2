import { z } from 'zod';
import { MAX_EXPRESSION } from './limits.ts';
import { text } from './text.ts';

/** What a policy says of a decision, from the mildest to the strictest. */
export const POLICY_EFFECTS = ['allow', 'flag', 'confirm', 'deny'] as const;
export const policyEffect = z.enum(POLICY_EFFECTS).meta({
  id: 'PolicyEffect',
  description:
    'allow, flag (noted only), confirm (a person should have been asked), deny; the strictest that matches stands.',
});
export type PolicyEffect = z.infer<typeof policyEffect>;

const MAX_RULES = 100;
const globs = z.array(text(256, 1)).max(MAX_RULES);

/** The rules of one policy. Every one is optional; a policy without any says nothing. */
export const policyRules = z
  .object({
    tools: z
      .object({
        allow: globs
          .optional()
          .describe('Tools that may be used, as globs (`web.*`). Once given, any other tool is denied.'),
        deny: globs.optional().describe('Tools that may not, as globs; stronger than `allow`.'),
      })
      .optional(),
    scopes: z
      .object({
        allow: globs
          .optional()
          .describe('Hosts that may be reached, as globs (`*.example.com`). Once given, any other is denied.'),
        deny: globs.optional().describe('Hosts that may not, as globs; stronger than `allow`.'),
      })
      .optional()
      .describe('Compared with the host of `scope` when that is a URL, else with the whole of it.'),
    requiredTags: z
      .array(text(256, 1))
      .max(MAX_RULES)
      .optional()
      .describe('Tags each decision must carry; one missing denies.'),
    maxLatencyMs: z.number().positive().optional().describe('A decision that took longer is flagged.'),
    conditions: z
      .array(
        z.object({
          name: text(128, 1).describe('Names the condition in `policy.matched`.'),
          when: text(MAX_EXPRESSION, 1).describe('A CEL expression over the decision that yields a bool.'),
          effect: z.enum(['flag', 'confirm', 'deny']),
        }),
      )
      .max(MAX_RULES)
      .optional(),
  })
  .meta({ id: 'PolicyRules' });
export type PolicyRules = z.infer<typeof policyRules>;

/** What the org's policies said of a decision when it was recorded. Part of the record, so of the chain. */
export const policyOutcome = z
  .object({
    version: z.int().positive().describe('Version of the org’s policies that were applied.'),
    matched: z.array(z.string()).describe('Rules that matched, as `<policy id>/<rule>`.'),
    effect: policyEffect,
  })
  .meta({ id: 'PolicyOutcome', description: 'What the policies of the org say of a decision.' });
export type PolicyOutcome = z.infer<typeof policyOutcome>;
