import type { WebhookKind } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

/** A webhook as people see it; times RFC 3339. */
export interface WebhookRow {
  id: string;
  url: string;
  format: 'standard' | 'slack';
  kinds: WebhookKind[];
  disabledBecause: string | null;
  secretExpiresAt: string | null;
  createdAt: string;
  updatedAt: string;
}

const COLUMNS = `w.id, w.url, w.format, w.kinds, w.disabled_because AS "disabledBecause", w.created_at AS "createdAt",
  w.updated_at AS "updatedAt", (SELECT max(s.expires_at) FROM webhook_secrets s
    WHERE s.webhook_id = w.id AND s.expires_at > now()) AS "secretExpiresAt"`;

/** Webhooks of an org after the id `after`, by id. */
export function listWebhookRows(tx: Sql, orgId: string, after: string, limit: number): Promise<WebhookRow[]> {
  return tx.query<WebhookRow>(
    `SELECT ${COLUMNS} FROM webhooks w WHERE w.org_id = $1 AND w.id > $2 ORDER BY w.id LIMIT $3`,
    [orgId, after, limit],
  );
}

/** One webhook of an org; null when there is none. */
export async function findWebhook(tx: Sql, orgId: string, id: string): Promise<WebhookRow | null> {
  const [row] = await tx.query<WebhookRow>(`SELECT ${COLUMNS} FROM webhooks w WHERE w.org_id = $1 AND w.id = $2`, [
    orgId,
    id,
  ]);
  return row ?? null;
}

export async function countWebhooks(tx: Sql, orgId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>('SELECT count(*) AS count FROM webhooks WHERE org_id = $1', [orgId]);
  return row?.count ?? 0;
}

/** What a webhook is given by its org. */
export interface WebhookFields {
  url: string;
  format: 'standard' | 'slack';
  kinds: readonly string[];
  disabledBecause: string | null;
}

export async function insertWebhook(
  tx: Sql,
  orgId: string,
  id: string,
  { url, format, kinds }: WebhookFields,
  createdBy: string | null,
): Promise<void> {
  await tx.execute(
    'INSERT INTO webhooks (id, org_id, url, format, kinds, created_by) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, orgId, url, format, kinds, createdBy],
  );
}

export async function updateWebhook(
  tx: Sql,
  id: string,
  { url, format, kinds, disabledBecause }: WebhookFields,
): Promise<void> {
  await tx.execute(
    'UPDATE webhooks SET url = $2, format = $3, kinds = $4, disabled_because = $5, updated_at = now() WHERE id = $1',
    [id, url, format, kinds, disabledBecause],
  );
}

/** Removes a webhook with its secrets and its log. */
export async function removeWebhook(tx: Sql, id: string): Promise<void> {
  await tx.execute(
    'DELETE FROM webhook_attempts WHERE delivery_id IN (SELECT d.id FROM webhook_deliveries d WHERE d.webhook_id = $1)',
    [id],
  );
  for (const table of ['webhook_deliveries', 'webhook_secrets']) {
    await tx.execute(`DELETE FROM ${table} WHERE webhook_id = $1`, [id]);
  }
  await tx.execute('DELETE FROM webhooks WHERE id = $1', [id]);
}

/** Makes a secret the present one. The one before signs too for `overlapSeconds`; older ones do not any more. */
export async function replaceSecret(
  tx: Sql,
  orgId: string,
  webhookId: string,
  secret: string,
  overlapSeconds: number,
): Promise<void> {
  await tx.execute('DELETE FROM webhook_secrets WHERE webhook_id = $1 AND expires_at IS NOT NULL', [webhookId]);
  await tx.execute('UPDATE webhook_secrets SET expires_at = now() + make_interval(secs => $2) WHERE webhook_id = $1', [
    webhookId,
    overlapSeconds,
  ]);
  await tx.execute('INSERT INTO webhook_secrets (org_id, webhook_id, secret) VALUES ($1, $2, $3)', [
    orgId,
    webhookId,
    secret,
  ]);
  await tx.execute('UPDATE webhooks SET updated_at = now() WHERE id = $1', [webhookId]);
}

/** What requests to a webhook are signed with now, the present one first. */
export async function presentSecrets(tx: Sql, webhookId: string): Promise<string[]> {
  const rows = await tx.query<{ secret: string }>(
    'SELECT secret FROM webhook_secrets WHERE webhook_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC',
    [webhookId],
  );
  return rows.map(({ secret }) => secret);
}
