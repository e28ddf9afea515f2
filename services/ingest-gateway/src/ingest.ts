import { AppError, type DecisionsSubmitted, type Principal } from '@governsai/contracts';
import type { SubmissionParser } from './submission.ts';
import type { Accepted, Submitter } from './submitter.ts';

/** One INGEST as it arrived, and whose connection or request it came by. */
export interface IngestItem {
  message: unknown;
  principal: Principal;
}

/** Frame → parse → decide → produce, the same for HTTP, sockets and what push-gateway relays. */
export class Ingest {
  constructor(
    private readonly parser: SubmissionParser,
    private readonly submitter: Submitter,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /** Outcomes in the order of the items; one that is refused does not hold up the others. Never rejects. */
  async all(items: readonly IngestItem[]): Promise<(Accepted | AppError)[]> {
    const receivedAt = this.now().toISOString();
    const parsed = items.map(({ message, principal }) => {
      try {
        return this.parser.parse(message, principal, receivedAt);
      } catch (error) {
        if (error instanceof AppError) return error;
        return new AppError('INTERNAL', 'the message could not be read; report it with its requestId', {
          cause: error,
        });
      }
    });
    const outcomes = await this.submitter.submitAll(
      parsed.filter((item): item is DecisionsSubmitted => !(item instanceof AppError)),
    );
    let next = 0;
    return parsed.map((item) => (item instanceof AppError ? item : (outcomes[next++] as Accepted | AppError)));
  }

  /** One message. Throws the AppError of its refusal. */
  async one(message: unknown, principal: Principal): Promise<Accepted> {
    const [outcome] = await this.all([{ message, principal }]);
    if (outcome === undefined || outcome instanceof AppError) throw outcome;
    return outcome;
  }
}
