import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import { signCheckpoint } from '../checkpoint.ts';
import { ExportPartWriter } from '../export-writer.ts';
import { GENESIS_HASH, sha256 } from '../hash.ts';
import type { ExportPerson, ExportRecord } from '../lines.ts';
import { type Place, personHash } from '../link.ts';

/** A row as the writer would have stored it. */
export interface SampleRow extends ExportRecord {
  seq: number;
}

/** What a record says beside its place in the chain. */
export interface SampleContent {
  members?: Record<string, unknown>;
  person?: ExportPerson;
  /** What stands in the table's column; the record has none unless given. */
  bodyHash?: string;
}

export interface SampleOptions {
  orgId?: string;
  /** The place before the first row. */
  after?: Place;
  /** Records to a part; one part unless said. */
  partSize?: number;
  /** A checkpoint behind each record whose seq this divides; none unless said. */
  checkpointEvery?: number;
  keys?: readonly KeyObject[];
}

/** An Ed25519 private key made from a name, the same at each run. Worth nothing outside of tests. */
export function sampleKey(name: string): KeyObject {
  const seed = createHash('sha256').update(name).digest();
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
}

/** The next row of a chain. */
function sampleRow(after: Place, content: SampleContent = {}, orgId = 'acme'): SampleRow {
  const seq = after.seq + 1;
  const person = content.person ?? null;
  const personSalt = person ? sha256(`salt ${seq}`).slice(0, 32) : null;
  const record = canonicalJson({
    v: 1,
    orgId,
    seq,
    id: `dec_${sha256(`${orgId} ${seq}`).slice(0, 32)}`,
    idempotencyKey: `key-${seq}`,
    direction: 'precheck',
    decision: 'allow',
    ts: '2026-01-01T00:00:00.000Z',
    receivedAt: '2026-01-01T00:00:00.010Z',
    recordedAt: '2026-01-01T00:00:00.020Z',
    ...content.members,
    ...(content.bodyHash && { bodyHash: personSalt ? sha256(personSalt + content.bodyHash) : content.bodyHash }),
    ...(person && personSalt && { personHash: personHash(person, personSalt) }),
    prevHash: after.hash,
  });
  return { seq, record, hash: sha256(record), person, personSalt };
}

/** A chain of rows, one for each content. */
export function sampleRows(contents: readonly SampleContent[], options: SampleOptions = {}): SampleRow[] {
  const rows: SampleRow[] = [];
  let last = options.after ?? { seq: 0, hash: GENESIS_HASH };
  for (const content of contents) {
    const row = sampleRow(last, content, options.orgId);
    rows.push(row);
    last = { seq: row.seq, hash: row.hash };
  }
  return rows;
}

/** Computes a row anew after its record was changed: what somebody does who can write the table. */
export function forgeRow(row: SampleRow, change: Record<string, unknown>): SampleRow {
  const record = canonicalJson({ ...(JSON.parse(row.record) as object), ...change });
  return { ...row, record, hash: sha256(record) };
}

/** The lines of an export of rows that follow each other, each with its line feed. */
export function sampleExport(rows: readonly SampleRow[], options: SampleOptions = {}): string[] {
  const partSize = options.partSize ?? Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  let part = new ExportPartWriter(options.orgId ?? 'acme', options.after ?? { seq: 0, hash: GENESIS_HASH });
  lines.push(part.header(), ...checkpointLines(part, options));
  let inPart = 0;
  for (const row of rows) {
    if (inPart === partSize) {
      lines.push(part.trailer(true));
      part = new ExportPartWriter(options.orgId ?? 'acme', part.last);
      lines.push(part.header());
      inPart = 0;
    }
    lines.push(part.record(row.seq, row), ...checkpointLines(part, options));
    inPart++;
  }
  lines.push(part.trailer(false));
  return lines;
}

function checkpointLines(part: ExportPartWriter, options: SampleOptions): string[] {
  const { seq, hash: head } = part.last;
  const every = options.checkpointEvery ?? 0;
  if (every === 0 || seq === 0 || seq % every !== 0) return [];
  const orgId = options.orgId ?? 'acme';
  const at = new Date(Date.UTC(2026, 0, 1, 1, 0, seq)).toISOString();
  const signed = (options.keys ?? []).map((key) => signCheckpoint({ orgId, seq, head, at }, key));
  signed.sort((a, b) => (a.checkpoint.keyId < b.checkpoint.keyId ? -1 : 1));
  return signed.map((checkpoint) => part.checkpoint(checkpoint));
}

/** A file's bytes in pieces of a size, as a stream gives them. */
export async function* inPieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
