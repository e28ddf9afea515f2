import { createHash, type Hash } from 'node:crypto';
import { isTrusted, verifyCheckpoint } from './checkpoint.ts';
import type { Fault } from './faults.ts';
import { GENESIS_HASH } from './hash.ts';
import {
  alteredRecord,
  checkpointOutOfOrder,
  contradictingCheckpoint,
  headerFault,
  headerInside,
  inserted,
  noHeader,
  recordFault,
  type Scene,
  type Suspicion,
  strayCheckpoint,
  strayRecord,
  unreadableLine,
} from './judge.ts';
import type { TrustedKey } from './keys.ts';
import {
  EXPORT_FORMAT,
  EXPORT_VERSION,
  type ExportHeader,
  type ExportLine,
  type ExportRecord,
  parseLine,
  type SignedCheckpoint,
} from './lines.ts';
import { openRecord, type Place, personFault } from './link.ts';
import { endOfPartFault } from './part-end.ts';

/** Where a file is read: before its first header, in a part, between parts, or after its last trailer. */
type Phase = 'start' | 'open' | 'between' | 'done';

/** Takes an export line by line and knows where its chain stands. Keeps nothing of a record but its hash. */
export class Walk {
  readonly #keys: readonly TrustedKey[];
  #phase: Phase = 'start';
  #line = 0;
  #lastLine = 0;
  #headerLine = 0;
  #beforeLast = GENESIS_HASH;
  #partCount = 0;
  #partCheckpoints = 0;
  #written: Hash = createHash('sha256');
  #lastCheckpoint: SignedCheckpoint | null = null;

  orgId: string | null = null;
  last: Place = { seq: 0, hash: GENESIS_HASH };
  firstSeq: number | null = null;
  checked = 0;
  erased = 0;
  checkpoints = 0;
  otherKeys = new Set<string>();
  vouchedTo: number | null = null;

  constructor(keys: readonly TrustedKey[]) {
    this.#keys = keys;
  }

  /** Takes the next line, with its line feed. Returns what is wrong with it, null when it fits. */
  take(text: string): Suspicion | null {
    this.#line++;
    const line = parseLine(text.replace(/\n$/, ''));
    // A later export may be put behind one that was complete, so an archive grows by what is new.
    if (this.#phase === 'done' && !this.#continues(line)) {
      return inserted(this.#scene(), this.last.seq + 1, 'a line after the last trailer');
    }
    if (!text.endsWith('\n')) return this.#truncated('it ends in the middle of a line');
    const suspicion = this.#phase === 'open' ? this.#inside(line, text) : this.#outside(line);
    // The trailer, which closes the part, is not among what it sums up.
    if (suspicion === null && this.#phase === 'open') this.#written.update(text, 'utf8');
    return suspicion;
  }

  /** What is wrong with a file that ends here; null when it is complete. */
  end(): Fault | null {
    if (this.#phase === 'done') return null;
    this.#line++;
    return this.#truncated(this.#phase === 'start' ? 'it is empty' : 'it ends before its last trailer');
  }

  /** What is wrong with a file of which no more can be read. */
  damaged(kind: 'truncated' | 'altered', reason: string): Fault {
    this.#line++;
    const place = this.last.seq + 1;
    return kind === 'truncated'
      ? this.#truncated(reason)
      : recordFault(place, this.#line, 'altered', `the file cannot be read from record ${place} on: ${reason}`);
  }

  /** The fault of a file that is whole, but not vouched for as far as asked; null when it is. */
  unvouched(until: number | null): Fault | null {
    if (this.#keys.length === 0) return null;
    const { vouchedTo } = this;
    if (vouchedTo !== null && (until === null || vouchedTo >= until)) return null;
    const others =
      this.otherKeys.size > 0 ? ` (there are checkpoints of the keys ${[...this.otherKeys].join(', ')})` : '';
    const message =
      vouchedTo === null
        ? `no checkpoint of the given key is in the file${others}: nobody you trust vouches for any of it`
        : `the given key vouches up to record ${vouchedTo} only, not up to ${until}${others}`;
    return { seq: (vouchedTo ?? 0) + 1, line: this.#line, part: 'checkpoint', kind: 'unvouched', message };
  }

  #outside(line: ExportLine): Suspicion | null {
    return line.part === 'header' ? this.#header(line.header) : noHeader(this.#scene(), line);
  }

  /** Whether a line is a header that goes on from the last record. */
  #continues(line: ExportLine): boolean {
    if (line.part !== 'header') return false;
    return line.header.fromSeq === this.last.seq + 1 && line.header.prevHash === this.last.hash;
  }

  #header(header: ExportHeader): Suspicion | null {
    const fault = this.#phase === 'start' ? firstHeaderFault(header) : this.#laterHeaderFault(header);
    if (fault) return typeof fault === 'string' ? headerFault(this.#line, fault) : fault;
    if (this.#phase === 'start') {
      this.orgId = header.orgId;
      this.last = { seq: header.fromSeq - 1, hash: header.prevHash };
    }
    this.#phase = 'open';
    this.#headerLine = this.#line;
    this.#partCount = 0;
    this.#partCheckpoints = 0;
    this.#written = createHash('sha256');
    return null;
  }

  #laterHeaderFault(header: ExportHeader): string | Fault | null {
    const { seq, hash } = this.last;
    if (header.format !== EXPORT_FORMAT || header.v !== EXPORT_VERSION) return 'it is of another format than the first';
    if (header.orgId !== this.orgId) return `it is of the org ${header.orgId}, the first of ${this.orgId}`;
    if (header.fromSeq === seq + 1 && header.prevHash === hash) return null;
    if (header.fromSeq > seq + 1 && header.prevHash !== hash) {
      const message = `record ${seq + 1} is missing: the next part begins with ${header.fromSeq}`;
      return recordFault(seq + 1, this.#line, 'missing', message);
    }
    if (header.fromSeq <= seq && header.prevHash !== hash) {
      return inserted(this.#scene(), seq + 1, `a part that begins with record ${header.fromSeq}`, header.fromSeq);
    }
    return `it does not go on from record ${seq}, with which the part before ends`;
  }

  #inside(line: ExportLine, text: string): Suspicion | null {
    switch (line.part) {
      case 'record':
        return this.#record(line.row);
      case 'checkpoint':
        return this.#checkpoint(line.signed);
      case 'header': {
        const continues = this.#partCount > 0 && this.#continues(line);
        return headerInside(this.#scene(), line.header.fromSeq, continues);
      }
      case 'trailer': {
        const sum = this.#written.copy().digest('hex');
        const part = { count: this.#partCount, checkpoints: this.#partCheckpoints, sum };
        this.#phase = line.trailer.more ? 'between' : 'done';
        return endOfPartFault(line.trailer, part, this.#scene());
      }
      default:
        return unreadableLine(this.#scene(), line.reason, text);
    }
  }

  #record(row: ExportRecord): Suspicion | null {
    const opened = openRecord(row);
    if ('reason' in opened) return alteredRecord(this.#scene(), opened.reason);
    const { fields } = opened;
    const follows = fields.seq === this.last.seq + 1 && fields.prevHash === this.last.hash;
    if (fields.orgId !== this.orgId) {
      const reason = `it is of the org ${fields.orgId}, not of ${this.orgId}`;
      return follows && this.checked === 0
        ? headerFault(this.#headerLine, reason)
        : alteredRecord(this.#scene(), reason);
    }
    if (!follows) return strayRecord(this.#scene(), fields, row.hash);
    const person = personFault(fields, row);
    if (person) return recordFault(fields.seq, this.#line, 'altered', `record ${fields.seq} was altered: ${person}`);
    if (fields.personHash !== undefined && row.person === null) this.erased++;
    this.#beforeLast = fields.prevHash;
    this.last = { seq: fields.seq, hash: row.hash };
    this.#lastLine = this.#line;
    this.firstSeq ??= fields.seq;
    this.checked++;
    this.#partCount++;
    return null;
  }

  #checkpoint(signed: SignedCheckpoint): Suspicion | null {
    const { checkpoint } = signed;
    const { seq, hash } = this.last;
    if (!verifyCheckpoint(signed)) {
      const message = `the checkpoint behind record ${seq} was altered: its signature does not fit`;
      return { seq, line: this.#line, part: 'checkpoint', kind: 'signature', message };
    }
    const [sameOrg, sameSeq, sameHead] = [
      checkpoint.orgId === this.orgId,
      checkpoint.seq === seq,
      checkpoint.head === hash,
    ];
    // Before the first record only the header could be wrong, when the signed statement agrees with a part of it.
    if (this.checked === 0 && sameSeq !== sameHead) {
      return headerFault(this.#headerLine, `the checkpoint of record ${checkpoint.seq} knows another beginning`);
    }
    if (this.checked === 0 && !sameOrg && sameSeq) {
      return headerFault(this.#headerLine, `the checkpoint that follows is of the org ${checkpoint.orgId}`);
    }
    if (!sameOrg) {
      const message = `a checkpoint of the org ${checkpoint.orgId} was inserted behind record ${seq}`;
      return { seq, line: this.#line, part: 'checkpoint', kind: 'inserted', message };
    }
    if (!sameSeq) return strayCheckpoint(this.#scene(), signed);
    if (!sameHead) return contradictingCheckpoint(this.#scene(), signed, this.#known());
    if (this.#lastCheckpoint?.checkpoint.seq === seq && order(this.#lastCheckpoint) >= order(signed)) {
      return checkpointOutOfOrder(this.#scene(), signed);
    }
    this.#lastCheckpoint = signed;
    this.#partCheckpoints++;
    this.checkpoints++;
    if (isTrusted(signed, this.#keys)) this.vouchedTo = seq;
    else this.otherKeys.add(checkpoint.keyId);
    return null;
  }

  /** The last record that a checkpoint agreed with, before the file's first record when none did. */
  #known(): number {
    return this.#lastCheckpoint?.checkpoint.seq ?? (this.firstSeq ?? 1) - 1;
  }

  #scene(): Scene {
    return {
      line: this.#line,
      last: this.last,
      lastLine: this.#lastLine,
      headerLine: this.#headerLine,
      beforeLast: this.#beforeLast,
      first: this.checked === 0,
      checkpoints: this.#partCheckpoints,
    };
  }

  #truncated(reason: string): Fault {
    const place = this.last.seq + 1;
    const message = `the file is cut off where record ${place} or the trailer belongs: ${reason}`;
    return { seq: place, line: this.#line, part: 'trailer', kind: 'truncated', message };
  }
}

/** Checkpoints of one record ascend by this. Times are of one form, so that text order is time order. */
function order({ checkpoint }: SignedCheckpoint): string {
  return `${checkpoint.at} ${checkpoint.keyId}`;
}

function firstHeaderFault({ format, v, fromSeq, prevHash }: ExportHeader): string | null {
  if (format !== EXPORT_FORMAT) return `its format is not ${EXPORT_FORMAT}`;
  if (v !== EXPORT_VERSION)
    return `its version is ${v}; this verifier knows ${EXPORT_VERSION}, a newer one may know more`;
  if (fromSeq === 1 && prevHash !== GENESIS_HASH) return 'the first record of a chain has a prevHash of zeros';
  if (fromSeq > 1 && prevHash === GENESIS_HASH) return 'only the first record of a chain has a prevHash of zeros';
  return null;
}
