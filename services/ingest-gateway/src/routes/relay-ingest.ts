import { AppError, principal as principalSchema, relayIngest, validationError } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { messageId } from '@governsai/socket';
import { z } from 'zod';
import type { Ingest } from '../ingest.ts';

const body = z.object({
  items: z
    .array(z.object({ principal: principalSchema, message: z.unknown(), traceparent: z.string().optional() }))
    .min(1)
    .max(1000),
});

/** `POST /internal/ingest`: INGEST messages of push-gateway's sockets, each with the principal it verified. */
export function relayIngestRoute(app: HttpApp, ingest: Ingest): void {
  app.mount(relayIngest, async ({ body: raw }) => {
    const parsed = body.safeParse(raw);
    if (!parsed.success) throw validationError(parsed.error);
    const outcomes = await ingest.all(parsed.data.items, 'relay');
    return {
      results: outcomes.map((outcome, i) => {
        if (!(outcome instanceof AppError)) return outcome;
        const { code, message, path, channel, retryAfterMs } = outcome;
        const of = parsed.data.items[i]?.message;
        const id = typeof of === 'object' && of !== null ? messageId(of) : undefined;
        return { error: { code, message, id, path, channel, retryAfterMs } };
      }),
    };
  });
}
