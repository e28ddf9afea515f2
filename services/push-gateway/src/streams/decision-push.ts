import { type DecisionFacts, decisionFacts } from '@governsai/cel';
import { channelName, type DecisionField, type DecisionView, type Usage } from '@governsai/contracts';
import { type Framed, frameText } from '@governsai/socket';
import type { Push } from './ring.ts';

/** What a filter may ask of a decision beside what is pushed. The chain holds it, so it is the same live and resumed. */
export interface Beside {
  keyId: string | null;
  usage: Usage | null;
}

/** What the facts beside the frame take in memory, about. */
const BESIDE_BYTES = 256;

// Live, all filters ask of the same decision one after the other: it is read back once for all of them.
let latest: { push: DecisionPush; view: DecisionView } | null = null;

/** The DECISION message of one form. */
function decisionFrame(channel: string, seq: number, data: Partial<DecisionView>): Framed {
  return frameText(JSON.stringify({ type: 'DECISION', channel, seq, data }));
}

/**
 * A stored decision, framed as a plain subscription gets it. The view itself is not kept, it would take several times the
 * frame's memory: who needs it reads it back.
 */
export class DecisionPush implements Push {
  readonly seq: number;
  readonly frame: Framed;
  readonly bytes: number;
  readonly #beside: Beside;

  constructor(orgId: string, seq: number, view: DecisionView, beside: Beside) {
    this.seq = seq;
    this.frame = decisionFrame(channelName({ kind: 'decisions', orgId }), seq, view);
    this.#beside = beside;
    this.bytes = this.frame.frame.length + BESIDE_BYTES;
  }

  /** The frame of a subscription to `channel` that gets only `fields`; null: all. */
  framedFor(channel: string, fields: readonly DecisionField[] | null): Framed {
    const view = this.#view();
    if (!fields) return decisionFrame(channel, this.seq, view);
    // `policy` is absent where no policy was asked.
    const chosen = fields.filter((field) => view[field] !== undefined).map((field) => [field, view[field]]);
    return decisionFrame(channel, this.seq, Object.fromEntries(chosen));
  }

  /** What a filter may ask; never of a person, whose data may be erased. */
  facts(): DecisionFacts {
    return decisionFacts(this.#view(), this.#beside);
  }

  get tool(): string {
    return this.#view().tool ?? '';
  }

  #view(): DecisionView {
    if (latest?.push !== this) latest = { push: this, view: JSON.parse(this.frame.payload.toString()).data };
    return latest.view;
  }
}
