import type { BudgetsChanged, HoldAnswer, HoldStatus } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import { traceHeaders } from '@governsai/service';
import type { BudgetState } from '../domain/budget.ts';
import { type Decimal, formatDecimal, parseDecimal } from '../domain/decimal.ts';
import { OUTBOX } from '../outbox.ts';
import { STATE_COLUMNS, type StateRow, stateFromRow } from './budget-rows.ts';

/** The states of budgets under their locks, and what else a grant needs to know of that moment. */
export interface GrantView {
  /** By budget; one without a state is missing. */
  states: Map<string, { state: BudgetState; revision: number }>;
  /** The number that grows with every change of the org's budgets. */
  head: number;
  /** Milliseconds since the epoch, by the database. */
  now: number;
}

/** Locks the states of budgets in the order of their ids. One round trip: others wait for these locks. */
export async function lockForGrant(tx: Sql, orgId: string, budgetIds: readonly string[]): Promise<GrantView> {
  const rows = await tx.query<
    StateRow & { budget_id: string; budget_version: number; head: number | null; now: string }
  >(
    `SELECT s.budget_id, s.budget_version, ${STATE_COLUMNS}, clock_timestamp() AS now,
       (SELECT h.version FROM budget_heads h WHERE h.org_id = $1) AS head
     FROM budget_states s WHERE s.budget_id = ANY($2) ORDER BY s.budget_id FOR UPDATE OF s`,
    [orgId, budgetIds],
  );
  const states = new Map(
    rows.map((row) => [row.budget_id, { state: stateFromRow(row), revision: row.budget_version }]),
  );
  const first = rows[0] ?? (await momentOf(tx, orgId));
  return { states, head: first.head ?? 0, now: Date.parse(first.now) };
}

async function momentOf(tx: Sql, orgId: string): Promise<{ head: number | null; now: string }> {
  const [row] = await tx.query<{ head: number | null; now: string }>(
    'SELECT (SELECT h.version FROM budget_heads h WHERE h.org_id = $1) AS head, clock_timestamp() AS now',
    [orgId],
  );
  if (row === undefined) throw new Error('the database did not say what time it is');
  return row;
}

/** A hold to be stored. */
export interface NewHoldRow {
  id: string;
  orgId: string;
  idempotencyKey: string;
  requestHash: string;
  status: HoldStatus;
  amount: Decimal;
  currency: string | null;
  tokens: number;
  userId: string | null;
  keyId: string | null;
  tool: string | null;
  tags: readonly string[];
  correlationId: string | null;
  answer: HoldAnswer;
  lines: readonly { budgetId: string; held: Decimal }[];
  /** RFC 3339. */
  createdAt: string;
  expiresAt: string;
}

/** A state that a hold has changed, and the event that tells of it. */
export interface HeldState {
  state: BudgetState;
  value: BudgetsChanged;
}

/**
 * Stores a hold with the states it changes and the events that tell of them, all or nothing, in one round trip. False when the
 * org has a hold of that key already: then nothing has changed.
 */
export async function storeHold(tx: Sql, hold: NewHoldRow, changes: readonly HeldState[]): Promise<boolean> {
  const headers = JSON.stringify(traceHeaders());
  const rows = await tx.query(
    `WITH hold AS (
       INSERT INTO holds (id, org_id, idempotency_key, request_hash, status, amount, currency, tokens, user_id, key_id, tool, tags,
         correlation_id, answer, budget_ids, held, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
       ON CONFLICT (org_id, idempotency_key) DO NOTHING RETURNING id
     ), states AS (
       UPDATE budget_states s SET held = u.held, version = u.version, state = u.state, updated_at = $17
       FROM unnest($19::text[], $20::numeric[], $21::bigint[], $22::jsonb[]) AS u(budget_id, held, version, state)
       WHERE s.budget_id = u.budget_id AND EXISTS (SELECT FROM hold)
     ), events AS (
       INSERT INTO outbox (service, topic, key, value, headers)
       SELECT $23, 'budgets.changed', $2, u.state, $24::jsonb FROM unnest($22::jsonb[]) AS u(state) WHERE EXISTS (SELECT FROM hold)
     )
     SELECT id FROM hold`,
    [
      hold.id,
      hold.orgId,
      hold.idempotencyKey,
      hold.requestHash,
      hold.status,
      formatDecimal(hold.amount),
      hold.currency,
      hold.tokens,
      hold.userId,
      hold.keyId,
      hold.tool,
      hold.tags,
      hold.correlationId,
      hold.answer,
      hold.lines.map(({ budgetId }) => budgetId),
      hold.lines.map(({ held }) => formatDecimal(held)),
      hold.createdAt,
      hold.expiresAt,
      changes.map(({ value }) => value.budgetId),
      changes.map(({ state }) => formatDecimal(state.held)),
      changes.map(({ state }) => state.version),
      changes.map(({ value }) => JSON.stringify(value)),
      OUTBOX,
      headers,
    ],
  );
  return rows.length > 0;
}

/** What the hold of a key was answered; null when the org has none. */
export async function findAnswer(
  tx: Sql,
  orgId: string,
  idempotencyKey: string,
): Promise<{ requestHash: string; answer: HoldAnswer } | null> {
  const [row] = await tx.query<{ requestHash: string; answer: HoldAnswer }>(
    'SELECT request_hash AS "requestHash", answer FROM holds WHERE org_id = $1 AND idempotency_key = $2',
    [orgId, idempotencyKey],
  );
  return row ?? null;
}

/** What open holds whose time is over still hold of budgets, by budget. */
export async function overdueHeld(tx: Sql, orgId: string, budgetIds: readonly string[]): Promise<Map<string, Decimal>> {
  const rows = await tx.query<{ budget_id: string; held: string }>(
    `SELECT line.budget_id, sum(line.held) AS held
     FROM holds h CROSS JOIN LATERAL unnest(h.budget_ids, h.held) AS line(budget_id, held)
     WHERE h.org_id = $1 AND h.status = 'open' AND h.expires_at <= clock_timestamp() AND line.budget_id = ANY($2)
     GROUP BY line.budget_id`,
    [orgId, budgetIds],
  );
  return new Map(rows.map((row) => [row.budget_id, parseDecimal(row.held)]));
}
