import { createHash } from 'node:crypto';
import type { BudgetsChanged } from '@governsai/contracts';
import pg from 'pg';
import { DEMO_ORGS, type DemoKey, type DemoOrg } from './demo.ts';

// As many characters of a key as a list of keys shows.
const PREFIX_LENGTH = 12;

/**
 * Adds the demo data ({@link DEMO_ORGS}) to a migrated database, in one transaction. What is there already stays as it is.
 * Throws when NODE_ENV is `production`: the keys are public.
 */
export async function seed({ adminUrl }: { adminUrl: string }): Promise<void> {
  if (process.env.NODE_ENV === 'production') {
    throw new Error(
      'the demo data has public API keys, so it is refused when NODE_ENV is production; create an org instead',
    );
  }
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('BEGIN');
    for (const org of DEMO_ORGS) await seedOrg(client, org);
    await client.query('COMMIT');
  } finally {
    // Without a COMMIT the transaction ends with its connection.
    await client.end();
  }
}

async function seedOrg(client: pg.Client, org: DemoOrg): Promise<void> {
  await client.query('INSERT INTO organizations (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING', [org.id, org.name]);
  for (const user of [org.owner, org.viewer]) {
    await client.query('INSERT INTO users (id, email, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      user.id,
      user.email,
      user.name,
    ]);
    await client.query('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      org.id,
      user.id,
      user.role,
    ]);
  }
  for (const key of [org.admin, org.producer, org.subscriber]) await seedKey(client, org.id, key);
  await client.query(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, hard)
     VALUES ($1, $2, $3, $4, 'currency', $5, 'total', false) ON CONFLICT DO NOTHING`,
    [org.budget.id, org.id, org.budget.name, org.budget.limit, org.budget.currency],
  );
  // Who subscribes before anything is spent is sent this.
  const state = unusedState(org);
  await client.query(
    `INSERT INTO budget_states (budget_id, org_id, version, state, updated_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [state.budgetId, state.orgId, state.version, state, state.updatedAt],
  );
}

/** What is told of an org's budget while nothing is used of it. */
function unusedState({ id, budget }: DemoOrg): BudgetsChanged {
  return {
    orgId: id,
    budgetId: budget.id,
    version: 1,
    scope: {},
    limit: budget.limit,
    used: '0',
    held: '0',
    remaining: budget.limit,
    percentUsed: 0,
    unit: 'currency',
    currency: budget.currency,
    period: 'total',
    updatedAt: new Date().toISOString(),
  };
}

async function seedKey(client: pg.Client, orgId: string, key: DemoKey): Promise<void> {
  await client.query(
    `INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, scopes)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      key.id,
      orgId,
      key.userId,
      key.name,
      key.key.slice(0, PREFIX_LENGTH),
      createHash('sha256').update(key.key).digest('hex'),
      key.scopes,
    ],
  );
}
