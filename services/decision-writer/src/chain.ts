import { hash, randomFillSync } from 'node:crypto';
import {
  type ChainRecord,
  canonicalJson,
  type DecisionsSubmitted,
  type Person,
  type PolicyOutcome,
  withoutNulls,
} from '@governsai/contracts';

export type SubmittedDecision = Extract<DecisionsSubmitted, { schema: 'decision.v1' }>;

/** Where an org's chain stands: the next record gets `lastSeq + 1` and `headHash` as its `prevHash`. */
export interface ChainHead {
  lastSeq: number;
  headHash: string;
}

/** A decision with its place in the chain, ready to be stored. */
export interface ChainLink {
  record: ChainRecord;
  /** Tells a retry from another body. It covers persons without a salt: beside the record, erasable with them (G12). */
  bodyHash: string;
  /** The RFC 8785 form of `record`: the bytes that were hashed, stored as they are. */
  canonical: string;
  /** SHA-256 of `canonical` in UTF-8, hex. */
  hash: string;
  /** Null when the decision says nothing of a person. */
  person: Person | null;
  /** Null when `person` is. */
  personSalt: string | null;
}

export interface LinkOptions {
  /** RFC 3339 UTC. */
  recordedAt: string;
  /** What the org's policies say of the decision; null: nothing. */
  judge?: (submitted: SubmittedDecision, person: Person | null) => PolicyOutcome | null;
  /** 32 hex digits, new for every record; injected so that a test can repeat it. */
  salt?: () => string;
}

const SALT_BYTES = 16;

// Random bytes are fetched many at a time: a call for each salt would cost more than the hash it is for. Each is used once.
const pool = Buffer.allocUnsafe(256 * SALT_BYTES);
let used = pool.length;

function newSalt(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const salt = pool.toString('hex', used, used + SALT_BYTES);
  used += SALT_BYTES;
  return salt;
}

/** SHA-256 of text in UTF-8, as 64 hex digits. */
export function sha256(text: string): string {
  return hash('sha256', text);
}

/** What enters the chain of a person: a hash nobody can guess values against once the salt is erased. */
export function personHash(person: Person, salt: string): string {
  return sha256(salt + canonicalJson(person));
}

/** Makes the next link of an org's chain. Pure but for the salt; the head given is not changed. */
export function nextLink(submitted: SubmittedDecision, head: ChainHead, options: LinkOptions): ChainLink {
  const data = submitted.data;
  const person = personOf(submitted);
  const personSalt = person ? (options.salt?.() ?? newSalt()) : null;
  const record: ChainRecord = {
    v: 1,
    orgId: submitted.orgId,
    seq: head.lastSeq + 1,
    id: submitted.decisionId,
    idempotencyKey: submitted.idempotencyKey,
    direction: data.direction,
    decision: data.decision,
    tool: data.tool ?? undefined,
    scope: data.scope ?? undefined,
    payloadHash: data.payloadHash ?? undefined,
    latencyMs: data.latencyMs ?? undefined,
    correlationId: data.correlationId ?? undefined,
    tags: data.tags ?? undefined,
    reasons: data.reasons ?? undefined,
    detectorSummary: data.detectorSummary ?? undefined,
    policyId: data.policyId ?? undefined,
    usage: data.usage ? withoutNulls(data.usage as Record<string, string | number>) : undefined,
    policy: options.judge?.(submitted, person) ?? undefined,
    bodyHash: personSalt ? sha256(personSalt + submitted.bodyHash) : submitted.bodyHash,
    personHash: person && personSalt ? personHash(person, personSalt) : undefined,
    keyId: submitted.keyId ?? undefined,
    apiKeyId: data.authentication?.apiKeyId ?? undefined,
    ts: data.ts ?? submitted.receivedAt,
    receivedAt: submitted.receivedAt,
    recordedAt: options.recordedAt,
    prevHash: head.headHash,
  };
  const canonical = canonicalJson(record);
  return { record, bodyHash: submitted.bodyHash, canonical, hash: sha256(canonical), person, personSalt };
}

function personOf(submitted: SubmittedDecision): Person | null {
  const userId = submitted.data.userId ?? undefined;
  const authUserId = submitted.data.authentication?.userId ?? undefined;
  const keyUserId = submitted.userId ?? undefined;
  if (userId === undefined && authUserId === undefined && keyUserId === undefined) return null;
  return { userId, authUserId, keyUserId };
}
