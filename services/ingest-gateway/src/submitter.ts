import { AppError, type DecisionsSubmitted, type IngestSchema } from '@governsai/contracts';
import type { OutgoingMessage, Producer } from '@governsai/kafka';
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

/** One message among those that are being written together. */
interface UnderWay {
  bodyHash: string;
  /** What became of all of them; null where Kafka has confirmed. */
  outcomes: Promise<readonly (Error | null)[]>;
  at: number;
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
    const answers = new Array<Accepted | AppError>(submissions.length);
    const fresh: { index: number; message: OutgoingMessage<'decisions.submitted'> }[] = [];
    const repeats: { index: number; first: UnderWay }[] = [];
    let settle: (outcomes: readonly (Error | null)[]) => void = () => {};
    const outcomes = new Promise<readonly (Error | null)[]>((resolve) => {
      settle = resolve;
    });
    submissions.forEach((submission, index) => {
      const { decisionId, bodyHash } = submission;
      const confirmedBody = stored.get(decisionId) ?? this.known.get(decisionId);
      const first = this.underWay.get(decisionId);
      if (confirmedBody !== undefined) answers[index] = this.repeated(submission, confirmedBody);
      else if (first) repeats.push({ index, first });
      else {
        const message = this.messageOf(submission, traces.get(submission));
        if (message instanceof AppError) answers[index] = message;
        else {
          this.underWay.set(decisionId, { bodyHash, outcomes, at: fresh.length });
          fresh.push({ index, message });
        }
      }
    });
    const sent = await this.producer.sendEach(
      'decisions.submitted',
      fresh.map(({ message }) => message),
    );
    settle(sent);
    fresh.forEach(({ index }, at) => {
      const submission = submissions[index] as DecisionsSubmitted;
      this.underWay.delete(submission.decisionId);
      const failure = sent[at] ?? null;
      if (failure === null) this.known.remember(submission.decisionId, submission.bodyHash);
      answers[index] = failure === null ? accepted(submission, false) : refused(failure);
    });
    for (const { index, first } of repeats) {
      const failure = (await first.outcomes)[first.at] ?? null;
      const repeat = submissions[index] as DecisionsSubmitted;
      answers[index] = failure === null ? this.repeated(repeat, first.bodyHash) : refused(failure);
    }
    return answers;
  }

  private messageOf(
    submission: DecisionsSubmitted,
    parent: Context | undefined,
  ): OutgoingMessage<'decisions.submitted'> | AppError {
    // Parsed and made by this process a moment ago: to check it once more would cost as much again.
    const json = Buffer.from(JSON.stringify(submission));
    if (json.length > this.maxMessageBytes + ENVELOPE_BYTES) {
      return new AppError(
        'PAYLOAD_TOO_LARGE',
        `the message may have ${this.maxMessageBytes} bytes: send less data in one`,
      );
    }
    return { key: submission.orgId, value: { json }, trace: { parent, attributes: () => attributesOf(submission) } };
  }

  private repeated(submission: DecisionsSubmitted, firstBody: string): Accepted | AppError {
    // The stored body of a decision whose person was erased is not known any more: any body is a repeat of it.
    if (firstBody !== '' && firstBody !== submission.bodyHash) {
      return new AppError(
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

function refused(failure: Error): AppError {
  if (failure instanceof AppError) return failure;
  return new AppError('INTERNAL', 'the decision could not be written; send it again with the same key', {
    cause: failure,
  });
}

function accepted(submission: DecisionsSubmitted, dedup: boolean): Accepted {
  return { id: submission.idempotencyKey, decisionId: submission.decisionId, dedup, schema: submission.schema };
}
