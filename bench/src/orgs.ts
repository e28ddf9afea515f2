import { createHash } from 'node:crypto';
import { SCOPES } from '@governsai/contracts';
import type { Database } from '@governsai/db';

/** An org under load, and a key that may do everything in it. */
export interface BenchOrg {
  id: string;
  key: string;
}

/** Makes orgs with a key and two budgets each (one of the whole org, one of a tool), as an operator would have. */
export async function makeOrgs(admin: Database, name: string, count: number): Promise<BenchOrg[]> {
  const orgs = Array.from({ length: count }, (_, i) => {
    const id = `${name}-${i + 1}`;
    return { id, key: `gai_${createHash('sha256').update(`key of ${id}`).digest('base64url')}` };
  });
  const ids = orgs.map(({ id }) => id);
  const { system } = admin;
  await system.execute('INSERT INTO organizations (id, name) SELECT o, o FROM unnest($1::text[]) AS o', [ids]);
  await system.execute(
    `INSERT INTO api_keys (id, org_id, name, prefix, key_hash, scopes)
     SELECT 'key-' || o, o, 'bench', left(k, 12), h, $4::text[] FROM unnest($1::text[], $2::text[], $3::text[]) AS r(o, k, h)`,
    [ids, orgs.map(({ key }) => key), orgs.map(({ key }) => createHash('sha256').update(key).digest('hex')), SCOPES],
  );
  await system.execute(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, hard, scope)
     SELECT 'bud-' || kind || '-' || o, o, kind, 1000000, 'currency', 'USD', 'month', true, scope
     FROM unnest($1::text[]) AS o, (VALUES ('org', '{}'::jsonb), ('tool', '{"tool": "web.fetch"}'::jsonb)) AS b(kind, scope)`,
    [ids],
  );
  return orgs;
}

/** The password of everybody that {@link makePeople} makes, and its hash as auth stores it (argon2id, 19 MiB, two passes). */
export const PASSWORD = 'correct horse battery staple';
const PASSWORD_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$N4GxvRrToQbUARoHp23LYg$TOWo2kvIaWq7HYc5uICdfZl6Sl3GPcSqjO0N/QZNrsg';

/** Makes people who can sign in to the org, others for each group; returns their addresses. */
export async function makePeople(admin: Database, orgId: string, count: number, group: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${orgId}-user-${group}-${i}`);
  const emails = ids.map((id) => `${id}@bench.example`);
  await admin.system.execute(
    `INSERT INTO users (id, email, name, password_hash) SELECT i, e, i, $3 FROM unnest($1::text[], $2::text[]) AS r(i, e)`,
    [ids, emails, PASSWORD_HASH],
  );
  await admin.system.execute(
    `INSERT INTO memberships (org_id, user_id, role) SELECT $1, i, 'viewer' FROM unnest($2::text[]) AS i`,
    [orgId, ids],
  );
  return emails;
}
