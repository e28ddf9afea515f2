import { authorize } from '@governsai/access';
import { AppError, type IngestResult, MAX_BATCH, type Principal, postDecisions } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { messageId } from '@governsai/socket';
import type { Ingest } from '../ingest.ts';
import type { Accepted } from '../submitter.ts';

/** `POST /v1/decisions`: one INGEST body, or up to 1,000 that are answered one by one. */
export function postDecisionsRoute(app: HttpApp, ingest: Ingest): void {
  app.mount(postDecisions, async ({ body, principal }) => {
    const sender = principal as Principal;
    authorize(sender, sender.orgId, 'decisions:write');
    const batch = (body as { decisions?: unknown } | null)?.decisions;
    if (batch === undefined) {
      const { id, decisionId, dedup } = await ingest.one(body, sender);
      return { id, decisionId, dedup };
    }
    const messages = checkBatch(batch);
    const outcomes = await ingest.all(messages.map((message) => ({ message, principal: sender })));
    const away = outcomes.find((outcome) => outcome instanceof AppError && outcome.code === 'UNAVAILABLE');
    // Nothing was accepted and all of it may be sent again: say so as a whole, as any HTTP client understands.
    if (away instanceof AppError && outcomes.every((outcome) => isUnavailable(outcome))) throw away;
    return { results: outcomes.map((outcome, i) => resultOf(outcome, messages[i])) };
  });
}

function checkBatch(batch: unknown): unknown[] {
  if (Array.isArray(batch) && batch.length > 0 && batch.length <= MAX_BATCH) return batch;
  const message = `decisions: must be a list of 1 to ${MAX_BATCH} INGEST bodies; split a longer one`;
  throw new AppError('VALIDATION_FAILED', message, { path: 'decisions' });
}

function isUnavailable(outcome: Accepted | AppError): boolean {
  return outcome instanceof AppError && outcome.code === 'UNAVAILABLE';
}

function resultOf(outcome: Accepted | AppError, message: unknown): IngestResult {
  if (!(outcome instanceof AppError)) return { id: outcome.id, decisionId: outcome.decisionId, dedup: outcome.dedup };
  const { code, message: text, path, retryAfterMs } = outcome;
  return { id: idOf(message), error: { code, message: text, path, retryAfterMs } };
}

function idOf(message: unknown): string | null {
  return typeof message === 'object' && message !== null ? (messageId(message) ?? null) : null;
}
