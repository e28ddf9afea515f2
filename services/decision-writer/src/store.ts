import { bigintArray, type Sql, textArray, timestamptzArray } from '@governsai/db';
import type { ChainHead, ChainLink } from './chain.ts';
import { idKey, type SubmittedEvent } from './plan.ts';

/** An org's head as locked: its chain, and how far it has been published. */
interface LockedHead extends ChainHead {
  publishedSeq: number;
  /** Version of the org's policies; 0: it has never had one. */
  policyVersion: number;
}

interface HeadRow {
  org_id: string;
  id: null;
  last_seq: number;
  head_hash: string;
  published_seq: number;
  policy_version: number;
}

interface BodyRow {
  org_id: string;
  id: string;
  body_hash: string;
}

/** Makes a head for each org that has none. Ordered, so that two writers never wait for each other in a circle. */
export async function insertMissingHeads(tx: Sql, orgIds: readonly string[]): Promise<void> {
  await tx.execute(
    `INSERT INTO org_chains (org_id) SELECT o FROM unnest($1::text[]) AS o ORDER BY o ON CONFLICT (org_id) DO NOTHING`,
    [orgIds],
  );
}

/** What a batch has to know before it is planned. */
export interface BatchStart {
  /** By org. One that is missing has no head. */
  heads: Map<string, LockedHead>;
  /** The body hashes of those ids that are stored, by {@link idKey}. */
  known: Map<string, string>;
}

/**
 * Locks the heads of the orgs, in their order, then looks the ids up, `ids[i]` in the org `idOrgs[i]`: one round trip. The
 * lock fences out a writer that lost the partition; the look-up sees what that one had stored until then.
 */
export async function startBatch(
  tx: Sql,
  orgIds: readonly string[],
  idOrgs: readonly string[],
  ids: readonly string[],
): Promise<BatchStart> {
  const rows = await tx.query<HeadRow | BodyRow>(
    `WITH heads AS MATERIALIZED (
       SELECT org_id, last_seq, head_hash, published_seq, policy_version FROM org_chains WHERE org_id = ANY($1::text[])
       ORDER BY org_id FOR UPDATE
     )
     SELECT org_id, NULL AS id, NULL AS body_hash, last_seq, head_hash, published_seq, policy_version FROM heads
     UNION ALL
     SELECT org_id, id, body_hash, NULL, NULL, NULL, NULL FROM stored_bodies($2::text[], $3::text[])`,
    [orgIds, textArray(idOrgs), textArray(ids)],
  );
  const start: BatchStart = { heads: new Map(), known: new Map() };
  for (const row of rows) {
    if (row.id !== null) start.known.set(idKey(row.org_id, row.id), row.body_hash);
    else {
      start.heads.set(row.org_id, {
        lastSeq: row.last_seq,
        headHash: row.head_hash,
        publishedSeq: row.published_seq,
        policyVersion: row.policy_version,
      });
    }
  }
  return start;
}

/**
 * Inserts links and moves the heads of their orgs, in one statement. A row that is there already is an error, never ignored.
 */
export async function appendLinks(
  tx: Sql,
  links: readonly ChainLink[],
  heads: ReadonlyMap<string, ChainHead>,
): Promise<void> {
  if (links.length === 0) return;
  const texts = (of: (link: ChainLink) => string | null) => textArray(links.map(of));
  await tx.execute(
    `WITH added AS (
       INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, tool, correlation_id, tags, ts, recorded_at,
         record, prev_hash, hash, person, person_salt)
       SELECT org_id, seq, id, body_hash, direction, decision, tool, correlation_id, tags::text[], ts, recorded_at,
         record, prev_hash, hash, person::jsonb, person_salt
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
         $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
         AS r(org_id, seq, id, body_hash, direction, decision, tool, correlation_id, tags, ts, recorded_at, record, prev_hash,
           hash, person, person_salt)
     )
     UPDATE org_chains c SET last_seq = h.last_seq, head_hash = h.head_hash, updated_at = now()
     FROM unnest($17::text[], $18::bigint[], $19::text[]) AS h(org_id, last_seq, head_hash) WHERE c.org_id = h.org_id`,
    [
      texts((link) => link.record.orgId),
      bigintArray(links.map((link) => link.record.seq)),
      texts((link) => link.record.id),
      texts((link) => link.bodyHash),
      texts((link) => link.record.direction),
      texts((link) => link.record.decision),
      texts((link) => link.record.tool ?? null),
      texts((link) => link.record.correlationId ?? null),
      texts((link) => textArrayLiteral(link.record.tags ?? [])),
      timestamptzArray(links.map((link) => link.record.ts)),
      timestamptzArray(links.map((link) => link.record.recordedAt)),
      texts((link) => link.canonical),
      texts((link) => link.record.prevHash),
      texts((link) => link.hash),
      texts((link) => (link.person ? JSON.stringify(link.person) : null)),
      texts((link) => link.personSalt),
      textArray([...heads.keys()]),
      bigintArray([...heads.values()].map((head) => head.lastSeq)),
      textArray([...heads.values()].map((head) => head.headHash)),
    ],
  );
}

/** Inserts events (`toolcall.v1`, `dlq.v1`) in one statement. */
export async function insertEvents(tx: Sql, events: readonly SubmittedEvent[], recordedAt: string): Promise<void> {
  if (events.length === 0) return;
  await tx.execute(
    `INSERT INTO events (org_id, id, idempotency_key, schema, body_hash, data, key_id, received_at, recorded_at)
     SELECT *, $9::timestamptz FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
       $7::text[], $8::timestamptz[])`,
    [
      events.map((event) => event.orgId),
      events.map((event) => event.decisionId),
      events.map((event) => event.idempotencyKey),
      events.map((event) => event.schema),
      events.map((event) => event.bodyHash),
      events.map((event) => JSON.stringify(event.data)),
      events.map((event) => event.keyId),
      events.map((event) => event.receivedAt),
      recordedAt,
    ],
  );
}

/** How far an org has been published: up to `to`, by one who saw the mark at `from` or above. */
export interface PublishedMark {
  orgId: string;
  from: number;
  to: number;
}

/**
 * Notes how far orgs have been published; returns the orgs it has dealt with. Heads that are locked it leaves out: to wait for
 * one batch with the heads of another in hand would make the two wait for each other. A mark only grows, and only over what its
 * publisher had seen: a writer that was overtaken changes nothing.
 */
export async function savePublished(tx: Sql, marks: readonly PublishedMark[]): Promise<string[]> {
  const rows = await tx.query<{ org_id: string }>(
    `WITH free AS MATERIALIZED (
       SELECT org_id FROM org_chains WHERE org_id = ANY($1::text[]) FOR UPDATE SKIP LOCKED
     ), moved AS (
       UPDATE org_chains c SET published_seq = m.to_seq
       FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS m(org_id, from_seq, to_seq) JOIN free USING (org_id)
       WHERE c.org_id = m.org_id AND c.published_seq >= m.from_seq AND c.published_seq < m.to_seq
     )
     SELECT org_id FROM free`,
    [marks.map((mark) => mark.orgId), marks.map((mark) => mark.from), marks.map((mark) => mark.to)],
  );
  return rows.map((row) => row.org_id);
}

/** PostgreSQL's text form of a text array (`{"a","b"}`): one array parameter cannot hold arrays of unequal length. */
function textArrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}
