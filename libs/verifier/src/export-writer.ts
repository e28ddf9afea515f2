import { createHash, type Hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { EXPORT_FORMAT, EXPORT_VERSION, type ExportRecord, type SignedCheckpoint } from './lines.ts';
import type { Place } from './link.ts';

/**
 * Writes one part of an export: `header`, then records and checkpoints in their order, then `trailer`. Each method returns
 * a line with its line feed. A checkpoint comes right after the record that it names, or right after the header when it
 * names the one before the part; several of one record ascend by (`at`, `keyId`).
 *
 * @example
 * const part = new ExportPartWriter('acme', { seq: 0, hash: GENESIS_HASH });
 * out.write(part.header());
 * for (const row of rows) out.write(part.record(row.seq, row));
 * out.write(part.trailer(false));
 */
export class ExportPartWriter {
  readonly #orgId: string;
  readonly #written: Hash = createHash('sha256');
  #last: Place;
  #count = 0;
  #checkpoints = 0;

  /** `after` is the record before the part: `{ seq: 0, hash: GENESIS_HASH }` for the beginning of a chain. */
  constructor(orgId: string, after: Place) {
    this.#orgId = orgId;
    this.#last = after;
  }

  /** Where the part stands; the next part begins after it. */
  get last(): Place {
    return this.#last;
  }

  header(): string {
    const { seq, hash } = this.#last;
    const header = { format: EXPORT_FORMAT, v: EXPORT_VERSION, orgId: this.#orgId, fromSeq: seq + 1, prevHash: hash };
    return this.#line({ header });
  }

  /** Throws RangeError when the record is not the next one: a hole must never leave as an export. */
  record(seq: number, { record, hash, person, personSalt }: ExportRecord): string {
    if (seq !== this.#last.seq + 1) throw new RangeError(`record ${seq} does not follow ${this.#last.seq}`);
    this.#last = { seq, hash };
    this.#count++;
    return this.#line({ record, hash, person, personSalt });
  }

  /** Throws RangeError when the checkpoint is not of the last record. */
  checkpoint({ checkpoint, publicKey, signature }: SignedCheckpoint): string {
    if (checkpoint.seq !== this.#last.seq) {
      throw new RangeError(`a checkpoint of ${checkpoint.seq} cannot stand behind record ${this.#last.seq}`);
    }
    this.#checkpoints++;
    const { orgId, seq, head, at, keyId } = checkpoint;
    return this.#line({ checkpoint: { orgId, seq, head, at, keyId }, publicKey, signature });
  }

  /** Ends the part. `more` says whether another one follows. */
  trailer(more: boolean): string {
    const { seq, hash } = this.#last;
    const sha256 = this.#written.digest('hex');
    const trailer = { count: this.#count, checkpoints: this.#checkpoints, lastSeq: seq, head: hash, more, sha256 };
    return `${canonicalJson({ trailer })}\n`;
  }

  #line(value: object): string {
    const line = `${canonicalJson(value)}\n`;
    this.#written.update(line, 'utf8');
    return line;
  }
}
