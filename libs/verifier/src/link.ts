import { canonicalJson } from './canonical-json.ts';
import { sha256 } from './hash.ts';
import { type ExportPerson, type ExportRecord, isHash, isOrgId, isPersonPair, isSeq } from './lines.ts';

/** A place in a chain: the next record has `seq + 1` and names `hash` as its `prevHash`. */
export interface Place {
  seq: number;
  hash: string;
}

/** The members of a record that verification reads. */
export interface ChainRecordFields {
  orgId: string;
  seq: number;
  prevHash: string;
  personHash?: string;
  [member: string]: unknown;
}

/** A row of the table `decisions`, with the columns that stand beside the record. */
export interface DecisionRow extends ExportRecord {
  orgId: string;
  seq: number;
  id: string;
  direction: string;
  decision: string;
  tool: string | null;
  correlationId: string | null;
  tags: readonly string[];
  /** RFC 3339 UTC with milliseconds, as `recordedAt`. */
  ts: string;
  recordedAt: string;
  prevHash: string;
  /** Tells a repeat from another body; empty once the person was erased. */
  bodyHash: string;
}

/** What is wrong with one link, seen from the one before it. */
export interface LinkFault {
  kind: 'altered' | 'missing' | 'inserted';
  /** `link`: the row is whole, but not chained to the one before: either of the two was altered and hashed anew. */
  breaks: 'record' | 'link' | 'person' | 'column';
  message: string;
}

/** A record whose bytes are those that were hashed, or what keeps it from being one. */
export type OpenedRecord = { fields: ChainRecordFields } | { reason: string };

/** Reads a record if its text has the hash beside it and is a version 1 record in RFC 8785 form. Never throws. */
export function openRecord(row: Pick<ExportRecord, 'record' | 'hash'>): OpenedRecord {
  const hash = sha256(row.record);
  if (hash !== row.hash) return { reason: `its text hashes to ${hash}, beside it stands ${row.hash}` };
  let fields: unknown;
  try {
    fields = JSON.parse(row.record);
    if (canonicalJson(fields) !== row.record) return { reason: 'its text is not in RFC 8785 form' };
  } catch {
    return { reason: 'its text is not JSON' };
  }
  return isRecord(fields) ? { fields } : { reason: 'its members are not those of a version 1 record' };
}

/** What a record's `personHash` must be for a person and the salt beside it. */
export function personHash(person: ExportPerson, salt: string): string {
  return sha256(salt + canonicalJson(person));
}

/**
 * Why the person beside a record is not the one it was recorded with; null when all is well. A person that is gone
 * together with its salt is well: that is what erasing leaves.
 */
export function personFault(fields: ChainRecordFields, row: ExportRecord): string | null {
  if (!isPersonPair(row.person, row.personSalt)) return 'its person and salt do not belong together';
  if (row.person === null || row.personSalt === null) return null;
  if (fields.personHash === undefined) return 'a person stands beside it, though it was recorded without one';
  if (personHash(row.person, row.personSalt) === fields.personHash) return null;
  return 'the person beside it is not the one whose hash it holds';
}

/**
 * Checks one row of the table against the one before it: content, link, person and the query columns. Returns null when
 * all is well. Never throws.
 */
export function verifyLink(previous: Place, row: DecisionRow): LinkFault | null {
  const seq = previous.seq + 1;
  if (row.seq > seq)
    return { kind: 'missing', breaks: 'link', message: `record ${seq} is missing: ${row.seq} follows` };
  if (row.seq < seq)
    return { kind: 'inserted', breaks: 'link', message: `record ${row.seq} stands behind ${previous.seq}` };
  const opened = openRecord(row);
  if ('reason' in opened) return altered('record', row.seq, opened.reason);
  const { fields } = opened;
  const column = columnFault(fields, row);
  if (column) return altered('column', row.seq, column);
  if (fields.prevHash !== previous.hash) {
    return altered(
      'link',
      row.seq,
      `it was chained to ${fields.prevHash}, record ${previous.seq} has ${previous.hash}`,
    );
  }
  const person = personFault(fields, row);
  if (person) return altered('person', row.seq, person);
  const body = bodyFault(fields, row);
  return body ? altered('column', row.seq, body) : null;
}

/** Why the body hash beside a record is not the one it was recorded with; null when all is well. */
function bodyFault(fields: ChainRecordFields, row: DecisionRow): string | null {
  if (fields.personHash !== undefined && row.person === null) {
    return row.bodyHash === '' ? null : 'its person is gone and its body hash is not, which no erasing leaves';
  }
  if (fields.bodyHash === undefined) return null;
  const expected = row.personSalt === null ? row.bodyHash : sha256(row.personSalt + row.bodyHash);
  return expected === fields.bodyHash ? null : 'its body hash is not the one it was recorded with';
}

function altered(breaks: LinkFault['breaks'], seq: number, reason: string): LinkFault {
  return { kind: 'altered', breaks, message: `record ${seq} was altered: ${reason}` };
}

/** Which query column says something else than the record, as a sentence; null when none does. */
function columnFault(fields: ChainRecordFields, row: DecisionRow): string | null {
  const expected: Record<string, unknown> = { ...fields, tool: fields.tool ?? null, tags: fields.tags ?? [] };
  expected.correlationId ??= null;
  for (const column of COLUMNS) {
    const [inRow, inRecord] = [JSON.stringify(row[column]), JSON.stringify(expected[column])];
    if (inRow !== inRecord) return `its column ${column} holds ${inRow}, the record ${inRecord}`;
  }
  return null;
}

const COLUMNS = [
  'orgId',
  'seq',
  'id',
  'direction',
  'decision',
  'tool',
  'correlationId',
  'tags',
  'ts',
  'recordedAt',
  'prevHash',
] as const satisfies readonly (keyof DecisionRow)[];

function isRecord(value: unknown): value is ChainRecordFields {
  if (typeof value !== 'object' || value === null) return false;
  const { v, orgId, seq, prevHash, personHash: person } = value as Record<string, unknown>;
  return v === 1 && isOrgId(orgId) && isSeq(seq) && isHash(prevHash) && (person === undefined || isHash(person));
}
