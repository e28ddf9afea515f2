import { canonicalJson } from './canonical-json.ts';

/** Value of `format` in every header, and the version of the format that this package reads and writes. */
export const EXPORT_FORMAT = 'governsai.decisions';
export const EXPORT_VERSION = 1;

/** First line of a part: where in which chain it begins. */
export interface ExportHeader {
  format: string;
  v: number;
  orgId: string;
  /** The seq of the first record that follows. */
  fromSeq: number;
  /** The hash of the record before it; 64 zeros when `fromSeq` is 1. */
  prevHash: string;
}

/** What is known of a person: short texts by name. */
export type ExportPerson = Record<string, string>;

/** One link of the chain. */
export interface ExportRecord {
  /** The bytes that were hashed, as text: RFC 8785 JSON. */
  record: string;
  /** SHA-256 of `record` in UTF-8, hex. */
  hash: string;
  /** Null when the record speaks of no person, or the person was erased. */
  person: ExportPerson | null;
  /** Null exactly when `person` is. */
  personSalt: string | null;
}

/** What a checkpoint says: at this time, the chain of this org ended in this hash. */
export interface Checkpoint {
  orgId: string;
  seq: number;
  /** Hash of the record with that seq. */
  head: string;
  /** RFC 3339 UTC with milliseconds. */
  at: string;
  /** First 16 hex digits of the SHA-256 of the raw public key. */
  keyId: string;
}

/** A checkpoint with its Ed25519 signature and the public key that checks it, both in base64. */
export interface SignedCheckpoint {
  checkpoint: Checkpoint;
  publicKey: string;
  signature: string;
}

/** Last line of a part: what must have come before it. */
export interface ExportTrailer {
  /** Records of this part. */
  count: number;
  /** Checkpoints of this part. */
  checkpoints: number;
  /** The last record of the chain up to here; `fromSeq` - 1 when the part is empty. */
  lastSeq: number;
  head: string;
  /** True: another part must follow. False: the export was complete here. */
  more: boolean;
  /** SHA-256 of all bytes of this part before the trailer. */
  sha256: string;
}

/** A line as understood. `unreadable` is none of this format. */
export type ExportLine =
  | { part: 'header'; header: ExportHeader }
  | { part: 'record'; row: ExportRecord }
  | { part: 'checkpoint'; signed: SignedCheckpoint }
  | { part: 'trailer'; trailer: ExportTrailer }
  | { part: 'unreadable'; reason: string };

type Check = (value: unknown) => boolean;

const HEX_64 = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export const isHash: Check = (value) => typeof value === 'string' && HEX_64.test(value);
export const isSeq: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText: Check = (value) => typeof value === 'string';
const isTime: Check = (value) => typeof value === 'string' && TIME.test(value);
const isKeyId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
const isSalt: Check = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
export const isOrgId: Check = (value) => typeof value === 'string' && /^[a-z0-9][a-z0-9-]{0,62}$/.test(value);

/** A person is either wholly there, with the salt, or wholly erased. */
export function isPersonPair(person: unknown, salt: unknown): boolean {
  if (person === null || salt === null) return person === salt;
  return isSalt(salt) && isObject(person) && Object.values(person).every(isText);
}

const HEADER: Record<string, Check> = {
  format: isText,
  v: isCount,
  orgId: isOrgId,
  fromSeq: isSeq,
  prevHash: isHash,
};
const CHECKPOINT: Record<string, Check> = { orgId: isOrgId, seq: isSeq, head: isHash, at: isTime, keyId: isKeyId };
const TRAILER: Record<string, Check> = {
  count: isCount,
  checkpoints: isCount,
  lastSeq: isCount,
  head: isHash,
  more: (value) => typeof value === 'boolean',
  sha256: isHash,
};
const RECORD: Record<string, Check> = { record: isText, hash: isHash, person: () => true, personSalt: () => true };
const SIGNED: Record<string, Check> = { checkpoint: isObject, publicKey: isText, signature: isText };

/**
 * Understands one line without its line feed. Only the exact RFC 8785 form with exactly the known members is accepted, so
 * that no byte of a file is without meaning. Never throws.
 */
export function parseLine(text: string): ExportLine {
  if (!text.isWellFormed()) return unreadable('it is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
    if (canonicalJson(value) !== text) return unreadable('it is not in RFC 8785 form');
  } catch {
    return unreadable('it is not JSON');
  }
  if (!isObject(value)) return unreadable('it is not a JSON object');
  if ('record' in value) return recordLine(value);
  if ('checkpoint' in value) return checkpointLine(value);
  if ('header' in value) {
    if (Object.keys(value).length !== 1 || !isShape(value.header, HEADER)) return unreadable('its header is malformed');
    return { part: 'header', header: value.header as ExportHeader };
  }
  if (Object.keys(value).length !== 1 || !isShape(value.trailer, TRAILER))
    return unreadable('it is no line of this format');
  return { part: 'trailer', trailer: value.trailer as ExportTrailer };
}

function recordLine(value: Record<string, unknown>): ExportLine {
  if (!isShape(value, RECORD)) return unreadable('its members are not those of a record');
  if (!isPersonPair(value.person, value.personSalt)) return unreadable('its person and salt do not belong together');
  return { part: 'record', row: value as unknown as ExportRecord };
}

function checkpointLine(value: Record<string, unknown>): ExportLine {
  if (!isShape(value, SIGNED) || !isShape(value.checkpoint, CHECKPOINT))
    return unreadable('its checkpoint is malformed');
  return { part: 'checkpoint', signed: value as unknown as SignedCheckpoint };
}

function unreadable(reason: string): ExportLine {
  return { part: 'unreadable', reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isShape(value: unknown, shape: Record<string, Check>): boolean {
  if (!isObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length === Object.keys(shape).length && keys.every((key) => shape[key]?.(value[key]) === true);
}
