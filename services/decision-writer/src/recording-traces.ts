import type { DecisionsSubmitted } from '@governsai/contracts';
import { type ConsumedBatch, MessageSpans } from '@governsai/kafka';
import { type Attributes, type Context, DECISION, decisionAttributes, recordStatement } from '@governsai/service';
import type { RecordedOrg } from './recorder.ts';

/** The traces of a batch's decisions while they are recorded (G11). Those that are not sampled cost nothing. */
export class RecordingTraces {
  readonly #spans: MessageSpans<'decisions.submitted'>;
  readonly #begunAt = Date.now();

  constructor(batch: ConsumedBatch<'decisions.submitted'>) {
    this.#spans = new MessageSpans(batch, ({ value }) => value.decisionId, attributesOf);
  }

  /** The transaction has just been committed: tells each trace its decision's seq, and of the statement that stored it. */
  stored(orgs: readonly RecordedOrg[]): void {
    if (this.#spans.isEmpty) return;
    for (const { links } of orgs) {
      for (const { record } of links) {
        const span = this.#spans.get(record.id);
        if (!span) continue;
        span.setAttribute(DECISION.seq, record.seq);
        recordStatement('INSERT decisions', { parent: this.contextOf(record.id), startTime: this.#begunAt });
      }
    }
  }

  /** What continues a decision's trace; the context without one when it is not recorded. */
  contextOf(decisionId: string): Context {
    return this.#spans.contextOf(decisionId);
  }

  /** The batch is done with; with an error, it failed and will be tried again. */
  end(error?: unknown): void {
    this.#spans.end(error);
  }
}

function attributesOf({ value: { orgId, decisionId, data } }: { value: DecisionsSubmitted }): Attributes {
  const { correlationId } = data as { correlationId?: unknown };
  return decisionAttributes({ orgId, id: decisionId, correlationId });
}
