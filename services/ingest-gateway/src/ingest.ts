import { AppError, type DecisionsSubmitted, type Principal } from '@governsai/contracts';
import { type Context, describeActiveSpan, extractContext, traceIdOf } from '@governsai/service';
import { countOutcomes, type Via } from './metrics.ts';
import type { SubmissionParser } from './submission.ts';
import { type Accepted, attributesOf, type Submitter } from './submitter.ts';

/** One INGEST as it arrived, and whose connection or request it came by. */
export interface IngestItem {
  message: unknown;
  principal: Principal;
  /** The `traceparent` to continue; the active trace unless given. */
  traceparent?: string | undefined;
}

/** What a sender is told of an accepted message. */
export type Answer = Accepted & { traceId?: string };

/** Frame → parse → decide → produce, the same for HTTP, sockets and what push-gateway relays. */
export class Ingest {
  constructor(
    private readonly parser: SubmissionParser,
    private readonly submitter: Submitter,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /** Outcomes in the order of the items; one that is refused does not hold up the others. Never rejects. */
  async all(items: readonly IngestItem[], via: Via): Promise<(Answer | AppError)[]> {
    const received = this.now().toISOString();
    const started = performance.now();
    const traces = new Map<DecisionsSubmitted, Context>();
    const parsed = items.map(({ message, principal, traceparent }) => {
      try {
        const submission = this.parser.parse(message, principal, received);
        if (traceparent !== undefined) traces.set(submission, extractContext({ traceparent }));
        return submission;
      } catch (error) {
        if (error instanceof AppError) return error;
        return new AppError('INTERNAL', 'the message could not be read; report it with its requestId', {
          cause: error,
        });
      }
    });
    const submissions = parsed.filter((item): item is DecisionsSubmitted => !(item instanceof AppError));
    const [only] = submissions;
    // The span of a request or message that is about one decision is found by that decision.
    if (only && items.length === 1) describeActiveSpan(() => attributesOf(only));
    const submitted = await this.submitter.submitAll(submissions, traces);
    let next = 0;
    const outcomes = parsed.map((item, i) => {
      if (item instanceof AppError) return item;
      const outcome = submitted[next++] as Accepted | AppError;
      return outcome instanceof AppError ? outcome : answer(outcome, items[i]?.message, traces.get(item));
    });
    countOutcomes(via, outcomes, (performance.now() - started) / 1000);
    return outcomes;
  }

  /** One message. Throws the AppError of its refusal. */
  async one(item: IngestItem, via: Via): Promise<Answer> {
    const [outcome] = await this.all([item], via);
    if (outcome === undefined || outcome instanceof AppError) throw outcome;
    return outcome;
  }
}

function answer(accepted: Accepted, message: unknown, own?: Context): Answer {
  const asked = (message as { trace?: unknown } | null)?.trace === true;
  const traceId = asked ? traceIdOf(own) : undefined;
  return traceId === undefined ? accepted : { ...accepted, traceId };
}
