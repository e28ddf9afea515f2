import { createHash } from 'node:crypto';
import { type AuditLink, type AuditRecorded, canonicalJson, findUnsafeJson } from '@governsai/contracts';

/** Where an org's audit chain stands. */
export interface AuditHead {
  lastSeq: number;
  headHash: string;
}

/** A record with its place in the chain, ready to be stored. */
export interface Chained {
  link: AuditLink;
  /** The RFC 8785 form of `link`: what is hashed, stored as it is. */
  record: string;
  /** SHA-256 of `record`, hex. */
  hash: string;
}

/** Makes the next link of an org's audit chain; the head given is not changed. */
export function nextLink(recorded: AuditRecorded, head: AuditHead, recordedAt: string): Chained {
  // As the column gives it back, so that both can be compared.
  const at = new Date(recorded.at).toISOString();
  const link: AuditLink = { v: 1, ...recorded, at, seq: head.lastSeq + 1, recordedAt, prevHash: head.headHash };
  const record = canonicalJson(link);
  return { link, record, hash: sha256(record) };
}

/** Why a record cannot be hashed and stored as it came; null when it can. */
export function faultOf(recorded: AuditRecorded): string | null {
  const unsafe = findUnsafeJson(recorded);
  return unsafe && `${unsafe.path || 'the record'} ${unsafe.reason}`;
}

/** A stored record, as far as it is checked against its chain. */
export interface StoredLink {
  seq: number;
  record: string;
  prevHash: string;
  hash: string;
  /** The columns that are read and filtered by, in the order of {@link COLUMNS}. */
  columns: unknown;
}

/** What is wrong with a stored record that should follow a head; null when it is whole. */
export function faultOfStored(stored: StoredLink, head: AuditHead): string | null {
  if (stored.seq !== head.lastSeq + 1) return `record ${head.lastSeq + 1} is missing`;
  if (sha256(stored.record) !== stored.hash) return 'the record is not what was hashed';
  if (stored.prevHash !== head.headHash) return 'it does not follow the record before it';
  const link = JSON.parse(stored.record) as AuditLink;
  if (link.prevHash !== stored.prevHash || link.seq !== stored.seq) return 'its columns are not what was hashed';
  return canonicalJson(columnsOf(link)) === canonicalJson(stored.columns)
    ? null
    : 'its columns are not what was hashed';
}

function columnsOf({ orgId, id, actor, action, target, result, ip, detail, at, recordedAt }: AuditLink): object {
  return { orgId, id, actor, action, target, result, ip, detail, at, recordedAt };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
