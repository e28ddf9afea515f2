import { AppError, type DecisionsSubmitted, type IngestSchema } from '@governsai/contracts';
import type { Producer } from '@governsai/kafka';
import { type Attributes, type Context, decisionAttributes } from '@governsai/service';
import type { KnownKeys } from './known-keys.ts';
import type { StoredLookup } from './stored-lookup.ts';

/** What a producer is told once Kafka has confirmed its message. */
export interface Accepted {
  /** The idempotency key. */
  id: string;
  decisionId: string;
  /** True only when the decision was there before; false may be a repeat all the same (G2). */
  dedup: boolean;
  schema: IngestSchema;
}

interface UnderWay {
  bodyHash: string;
  confirmed: Promise<void>;
}

const NO_TRACES: ReadonlyMap<DecisionsSubmitted, Context> = new Map();

// What a submission holds beyond the message it was made from: ids, hash, times.
const ENVELOPE_BYTES = 2048;

/** The way into Kafka: answers duplicates, writes the rest, and accepts only what the brokers confirmed (G1). */
export class Submitter {
  // What is being written now: a repeat that arrives meanwhile shares its outcome.
  private readonly underWay = new Map<string, UnderWay>();

  constructor(
    private readonly producer: Producer,
    private readonly known: KnownKeys,
    private readonly stored: StoredLookup,
    private readonly maxMessageBytes: number,
  ) {}

  /**
   * Writes submissions, each with an outcome of its own, in order. An outcome is an AppError: UNAVAILABLE when Kafka did
   * not confirm in time, IDEMPOTENCY_CONFLICT when the key is known with another body. Never rejects. `traces` has the
   * context to continue of those that do not belong to the active trace.
   */
  async submitAll(
    submissions: readonly DecisionsSubmitted[],
    traces: ReadonlyMap<DecisionsSubmitted, Context> = NO_TRACES,
  ): Promise<(Accepted | AppError)[]> {
    const unknown = submissions.filter((s) => !this.known.get(s.decisionId) && !this.underWay.has(s.decisionId));
    const stored = await this.stored.find(unknown);
    return Promise.all(
      submissions.map((submission) =>
        this.submit(submission, stored.get(submission.decisionId), traces.get(submission)),
      ),
    );
  }

  private async submit(
    submission: DecisionsSubmitted,
    storedBody: string | undefined,
    parent: Context | undefined,
  ): Promise<Accepted | AppError> {
    const { decisionId, bodyHash } = submission;
    try {
      const confirmedBody = storedBody ?? this.known.get(decisionId);
      if (confirmedBody !== undefined) return this.repeated(submission, confirmedBody);
      const first = this.underWay.get(decisionId);
      if (first) {
        await first.confirmed;
        return this.repeated(submission, first.bodyHash);
      }
      // Parsed and made by this process a moment ago: to check it once more would cost as much again.
      const value = { json: JSON.stringify(submission) };
      if (Buffer.byteLength(value.json) > this.maxMessageBytes + ENVELOPE_BYTES) {
        throw new AppError(
          'PAYLOAD_TOO_LARGE',
          `the message may have ${this.maxMessageBytes} bytes: send less data in one`,
        );
      }
      const trace = { parent, attributes: () => attributesOf(submission) };
      const confirmed = this.producer.send('decisions.submitted', { key: submission.orgId, value, trace });
      this.underWay.set(decisionId, { bodyHash, confirmed });
      try {
        await confirmed;
      } finally {
        this.underWay.delete(decisionId);
      }
      this.known.remember(decisionId, bodyHash);
      return accepted(submission, false);
    } catch (error) {
      if (error instanceof AppError) return error;
      return new AppError('INTERNAL', 'the decision could not be written; send it again with the same key', {
        cause: error,
      });
    }
  }

  private repeated(submission: DecisionsSubmitted, firstBody: string): Accepted {
    // The stored body of a decision whose person was erased is not known any more: any body is a repeat of it.
    if (firstBody !== '' && firstBody !== submission.bodyHash) {
      throw new AppError(
        'IDEMPOTENCY_CONFLICT',
        'idempotencyKey: it was used with another body, which stands; use a new key for a new decision',
        { path: 'idempotencyKey' },
      );
    }
    this.known.remember(submission.decisionId, firstBody);
    return accepted(submission, true);
  }
}

/** What a submission is found by in a trace store. */
export function attributesOf(submission: DecisionsSubmitted): Attributes {
  const { correlationId } = submission.data as { correlationId?: unknown };
  return decisionAttributes({ orgId: submission.orgId, id: submission.decisionId, correlationId });
}

function accepted(submission: DecisionsSubmitted, dedup: boolean): Accepted {
  return { id: submission.idempotencyKey, decisionId: submission.decisionId, dedup, schema: submission.schema };
}
