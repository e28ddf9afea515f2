import type { Sql } from '@governsai/db';

/** A delivery as people see it; times RFC 3339. */
export interface DeliveryRow {
  id: number;
  messageId: string;
  kind: string;
  status: 'pending' | 'delivered' | 'failed';
  attempts: number;
  nextAttemptAt: string | null;
  lastStatus: number | null;
  lastError: string | null;
  createdAt: string;
  deliveredAt: string | null;
}

const COLUMNS = `d.id, d.message_id AS "messageId", d.kind, d.status, d.attempts, d.next_attempt_at AS "nextAttemptAt",
  d.last_status AS "lastStatus", d.last_error AS "lastError", d.created_at AS "createdAt", d.delivered_at AS "deliveredAt"`;

/** Deliveries to a webhook below the id `before`, the latest first; of one status or of all. */
export function listDeliveryRows(
  tx: Sql,
  webhookId: string,
  { status, before, limit }: { status: string | null; before: number; limit: number },
): Promise<DeliveryRow[]> {
  return tx.query<DeliveryRow>(
    `SELECT ${COLUMNS} FROM webhook_deliveries d
     WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.status = $2) AND d.id < $3 ORDER BY d.id DESC LIMIT $4`,
    [webhookId, status, before, limit],
  );
}

/** One delivery with its payload; null when the webhook has none of that id. */
export async function findDelivery(
  tx: Sql,
  webhookId: string,
  id: number,
): Promise<(DeliveryRow & { payload: Record<string, unknown> }) | null> {
  const [row] = await tx.query<DeliveryRow & { payload: Record<string, unknown> }>(
    `SELECT ${COLUMNS}, d.payload FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.id = $2`,
    [webhookId, id],
  );
  return row ?? null;
}

/** One try to deliver. */
export interface TryRow {
  at: string;
  tookMs: number;
  status: number | null;
  error: string | null;
}

export function listTries(tx: Sql, deliveryId: number): Promise<TryRow[]> {
  return tx.query<TryRow>(
    'SELECT at, took AS "tookMs", status, error FROM webhook_attempts WHERE delivery_id = $1 ORDER BY id',
    [deliveryId],
  );
}

/** Adds a message to be delivered at once; returns its id. */
export async function addDelivery(
  tx: Sql,
  {
    orgId,
    webhookId,
    messageId,
    kind,
    payload,
  }: { orgId: string; webhookId: string; messageId: string; kind: string; payload: object },
): Promise<number> {
  const [row] = await tx.query<{ id: number }>(
    `INSERT INTO webhook_deliveries (org_id, webhook_id, message_id, kind, payload) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
    [orgId, webhookId, messageId, kind, payload],
  );
  if (row === undefined) throw new Error('the delivery was not stored');
  return row.id;
}

/** Makes a delivery due again, with all its tries, whatever came of it before. */
export async function replay(tx: Sql, id: number): Promise<void> {
  await tx.execute(
    `UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_attempt_at = now(), delivered_at = NULL WHERE id = $1`,
    [id],
  );
}

/** A delivery that this tracker tries now, and where to. */
export interface ClaimedDelivery {
  id: number;
  webhookId: string;
  messageId: string;
  payload: Record<string, unknown>;
  /** Tries so far, this one included. */
  attempts: number;
  url: string;
  format: 'standard' | 'slack';
  disabledBecause: string | null;
}

/**
 * Takes a delivery whose time has come; null when another tracker has. It is due again after `leaseSeconds`, should this one
 * die over it.
 */
export async function claimDelivery(tx: Sql, id: number, leaseSeconds: number): Promise<ClaimedDelivery | null> {
  const [row] = await tx.query<ClaimedDelivery>(
    `UPDATE webhook_deliveries d SET attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => $2)
     FROM webhooks w
     WHERE d.id = $1 AND w.id = d.webhook_id AND d.status = 'pending' AND d.next_attempt_at <= clock_timestamp()
     RETURNING d.id, d.webhook_id AS "webhookId", d.message_id AS "messageId", d.payload, d.attempts, w.url, w.format,
       w.disabled_because AS "disabledBecause"`,
    [id, leaseSeconds],
  );
  return row ?? null;
}

/** What came of a try, and what is to be done next. */
export interface TryResult {
  orgId: string;
  deliveryId: number;
  /** RFC 3339. */
  at: string;
  tookMs: number;
  status: number | null;
  error: string | null;
  /** Milliseconds until the next try; null: there is none. */
  pauseMs: number | null;
}

/** Writes a try into the log and moves its delivery on. */
export async function recordTry(tx: Sql, result: TryResult): Promise<void> {
  const { orgId, deliveryId, at, tookMs, status, error, pauseMs } = result;
  await tx.execute(
    'INSERT INTO webhook_attempts (org_id, delivery_id, at, took, status, error) VALUES ($1, $2, $3, $4, $5, $6)',
    [orgId, deliveryId, at, tookMs, status, error],
  );
  const next = error === null ? 'delivered' : pauseMs === null ? 'failed' : 'pending';
  await tx.execute(
    `UPDATE webhook_deliveries SET status = $2, last_status = $3, last_error = $4,
       delivered_at = CASE WHEN $2 = 'delivered' THEN now() END,
       next_attempt_at = CASE WHEN $2 = 'pending' THEN now() + make_interval(secs => $5::double precision / 1000) END
     WHERE id = $1`,
    [deliveryId, next, status, error, pauseMs],
  );
}

/** Leaves a webhook that does not answer alone for a while: what else is to be sent to it waits too. */
export async function waitWith(tx: Sql, webhookId: string, pauseMs: number): Promise<void> {
  await tx.execute(
    `UPDATE webhook_deliveries SET next_attempt_at = greatest(next_attempt_at, now() + make_interval(secs => $2::double precision / 1000))
     WHERE webhook_id = $1 AND status = 'pending'`,
    [webhookId, pauseMs],
  );
}

/** Turns a webhook off, and ends what was still to be sent to it. */
export async function disableWebhook(tx: Sql, webhookId: string, because: string): Promise<void> {
  await tx.execute('UPDATE webhooks SET disabled_because = $2, updated_at = now() WHERE id = $1', [webhookId, because]);
  await tx.execute(
    `UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL, last_error = $2 WHERE webhook_id = $1 AND status = 'pending'`,
    [webhookId, because],
  );
}
