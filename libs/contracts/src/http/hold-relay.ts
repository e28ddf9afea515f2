import { z } from 'zod';
import { principal } from '../principal.ts';
import { errorMessage } from '../server-messages.ts';
import { holdResult, holdState } from './holds.ts';
import { defineRoute } from './route.ts';

export const relayHolds = defineRoute({
  name: 'relayHolds',
  method: 'post',
  path: '/internal/holds',
  owner: 'budget-tracker',
  summary: 'HOLD, SETTLE and RELEASE messages that push-gateway received, each with the principal it verified.',
  auth: 'internal',
  body: z.object({
    items: z
      .array(
        z.object({
          principal,
          message: z.unknown(),
          traceparent: z.string().optional().describe('W3C trace context of the message.'),
        }),
      )
      .min(1)
      .max(1000),
  }),
  rawBody: true,
  response: z.object({
    results: z
      .array(
        z.union([
          holdResult,
          holdState,
          z.object({
            error: errorMessage.pick({ code: true, message: true, id: true, path: true, retryAfterMs: true }),
          }),
        ]),
      )
      .describe('One for each item, in order.'),
  }),
});
