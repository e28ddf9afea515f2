import { type Admission, authorize } from '@governsai/access';
import { AppError, type IngestResult, MAX_BATCH, type Principal, postDecisions } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { messageId } from '@governsai/socket';
import type { Answer, Ingest, IngestItem } from '../ingest.ts';

/** `POST /v1/decisions`: one INGEST body, or up to 1,000 that are answered one by one. */
export function postDecisionsRoute(app: HttpApp, ingest: Ingest, admission: Pick<Admission, 'spend'>): void {
  app.mount(postDecisions, async ({ body, principal }) => {
    const sender = principal as Principal;
    authorize(sender, sender.orgId, 'decisions:write');
    const batch = (body as { decisions?: unknown } | null)?.decisions;
    if (batch === undefined) {
      return resultOf(await ingest.one(itemOf(body, sender), 'http'));
    }
    const messages = checkBatch(batch);
    // The first was counted with the request.
    if (messages.length > 1) admission.spend(sender, messages.length - 1);
    const outcomes = await ingest.all(
      messages.map((message) => itemOf(message, sender)),
      'http',
    );
    const away = outcomes.find((outcome) => outcome instanceof AppError && outcome.code === 'UNAVAILABLE');
    // Nothing was accepted and all of it may be sent again: say so as a whole, as any HTTP client understands.
    if (away instanceof AppError && outcomes.every((outcome) => isUnavailable(outcome))) throw away;
    return {
      results: outcomes.map((outcome, i) => {
        return outcome instanceof AppError ? refusalOf(outcome, messages[i]) : resultOf(outcome);
      }),
    };
  });
}

/** The items of one request may each belong to a trace of their own. */
function itemOf(message: unknown, principal: Principal): IngestItem {
  const { traceparent } = (message ?? {}) as { traceparent?: unknown };
  return { message, principal, traceparent: typeof traceparent === 'string' ? traceparent : undefined };
}

function checkBatch(batch: unknown): unknown[] {
  if (Array.isArray(batch) && batch.length > 0 && batch.length <= MAX_BATCH) return batch;
  const message = `decisions: must be a list of 1 to ${MAX_BATCH} INGEST bodies; split a longer one`;
  throw new AppError('VALIDATION_FAILED', message, { path: 'decisions' });
}

function isUnavailable(outcome: Answer | AppError): boolean {
  return outcome instanceof AppError && outcome.code === 'UNAVAILABLE';
}

function resultOf({ id, decisionId, dedup, traceId }: Answer) {
  return { id, decisionId, dedup, traceId };
}

function refusalOf({ code, message: text, path, retryAfterMs }: AppError, message: unknown): IngestResult {
  return { id: idOf(message), error: { code, message: text, path, retryAfterMs } };
}

function idOf(message: unknown): string | null {
  return typeof message === 'object' && message !== null ? (messageId(message) ?? null) : null;
}
