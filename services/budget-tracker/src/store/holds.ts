import type { HoldStatus } from '@governsai/contracts';
import { type Sql, textArray } from '@governsai/db';
import { type Decimal, formatDecimal, parseDecimal } from '../domain/decimal.ts';
import type { Hold } from '../domain/hold.ts';
import type { Recorded } from '../domain/recorded.ts';

/** A hold as the table has it, as far as budgets are concerned. */
export interface HoldRow {
  id: string;
  org_id: string;
  status: HoldStatus;
  tool: string | null;
  correlation_id: string | null;
  budget_ids: string[];
  held: string[];
  booked: string[];
  booked_periods: string[];
  decision_id: string | null;
  created_at: string;
}

/** The columns of {@link HoldRow}, of `holds h`. */
const HOLD_COLUMNS =
  'h.id, h.org_id, h.status, h.tool, h.correlation_id, h.budget_ids, h.held, h.booked, h.booked_periods, h.decision_id, h.created_at';

/** What `booked_periods` has for a budget without periods. */
const NO_PERIOD = 0;

export function holdFromRow(row: HoldRow): Hold {
  return {
    id: row.id,
    orgId: row.org_id,
    status: row.status,
    tool: row.tool,
    correlationId: row.correlation_id,
    lines: row.budget_ids.map((budgetId, index) => {
      const [held, booked, period] = [row.held[index], row.booked[index], row.booked_periods[index]];
      const start = period === undefined ? NO_PERIOD : Date.parse(period);
      return {
        budgetId,
        held: parseDecimal(held ?? '0'),
        booked: booked === undefined ? null : parseDecimal(booked),
        bookedPeriod: start === NO_PERIOD ? null : start,
      };
    }),
    decisionId: row.decision_id,
    createdAt: Date.parse(row.created_at),
  };
}

/** Locks the holds that decisions may have been spent under, in the order of their ids: those they name, and those with their correlation ids. */
export async function lockHoldsOf(tx: Sql, recorded: readonly Recorded[]): Promise<Hold[]> {
  const named = recorded.flatMap(({ holdId }) => holdId ?? []);
  const unnamed = recorded.filter((one) => one.holdId === null && one.hasUsage && one.correlationId !== null);
  if (named.length === 0 && unnamed.length === 0) return [];
  // First which, without a lock: one statement with both conditions would read every hold of the orgs.
  const ids = await tx.query<{ id: string }>(
    `SELECT h.id FROM holds h WHERE h.id = ANY($1)
     UNION
     SELECT h.id FROM unnest($2::text[], $3::text[]) AS w(org_id, correlation_id)
     JOIN holds h ON h.org_id = w.org_id AND h.correlation_id = w.correlation_id AND h.decision_id IS NULL
       AND h.status IN ('open', 'settled')`,
    [named, textArray(unnamed.map(({ orgId }) => orgId)), textArray(unnamed.map(({ correlationId }) => correlationId))],
  );
  if (ids.length === 0) return [];
  const rows = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM holds h WHERE h.id = ANY($1) ORDER BY h.id FOR UPDATE`,
    [ids.map(({ id }) => id)],
  );
  return rows.map(holdFromRow);
}

/** Says of locked holds which decision each was spent by, and closes the open ones. */
export async function spendHolds(tx: Sql, matched: ReadonlyMap<Recorded, Hold>, at: string): Promise<void> {
  if (matched.size === 0) return;
  const pairs = [...matched];
  await tx.execute(
    `UPDATE holds h SET decision_id = m.decision_id,
       status = CASE WHEN h.status = 'open' THEN 'settled' ELSE h.status END,
       closed_at = CASE WHEN h.status = 'open' THEN $3::timestamptz ELSE h.closed_at END
     FROM unnest($1::text[], $2::text[]) AS m(id, decision_id) WHERE h.id = m.id`,
    [pairs.map(([, { id }]) => id), pairs.map(([{ decisionId }]) => decisionId), at],
  );
}

/** Locks open holds of an org whose time is over, the longest first, at most `limit`; those that others have locked are left out. */
export async function lockOverdueHolds(tx: Sql, orgId: string, limit: number): Promise<Hold[]> {
  const rows = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM holds h
     WHERE h.org_id = $1 AND h.status = 'open' AND h.expires_at <= clock_timestamp()
     ORDER BY h.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    [orgId, limit],
  );
  return rows.map(holdFromRow);
}

/** Closes locked holds that booked nothing, and returns them. */
export function closeHolds(
  tx: Sql,
  ids: readonly string[],
  status: 'released' | 'expired',
  at: string,
): Promise<HoldDetails[]> {
  return tx.query<HoldDetails>(
    `UPDATE holds h SET status = $2, closed_at = $3 WHERE h.id = ANY($1) RETURNING ${DETAIL_COLUMNS}`,
    [ids, status, at],
  );
}

/** A hold as its caller sees it. */
export interface HoldDetails extends HoldRow {
  idempotency_key: string;
  amount: string;
  currency: string | null;
  tokens: number;
  user_id: string | null;
  key_id: string | null;
  tags: string[];
  settled_amount: string | null;
  settled_tokens: number | null;
  expires_at: string;
  closed_at: string | null;
}

const DETAIL_COLUMNS = `${HOLD_COLUMNS}, h.idempotency_key, h.amount, h.currency, h.tokens, h.user_id, h.key_id, h.tags,
  h.settled_amount, h.settled_tokens, h.expires_at, h.closed_at`;

/** One hold of an org; null when there is none. */
export async function findHold(tx: Sql, orgId: string, id: string): Promise<HoldDetails | null> {
  const [row] = await tx.query<HoldDetails>(`SELECT ${DETAIL_COLUMNS} FROM holds h WHERE h.org_id = $1 AND h.id = $2`, [
    orgId,
    id,
  ]);
  return row ?? null;
}

/** The same, locked until the transaction ends, and the time by the database (milliseconds since the epoch). */
export async function lockHold(tx: Sql, orgId: string, id: string): Promise<{ hold: HoldDetails; now: number } | null> {
  const [row] = await tx.query<HoldDetails & { now: string }>(
    `SELECT ${DETAIL_COLUMNS}, clock_timestamp() AS now FROM holds h WHERE h.org_id = $1 AND h.id = $2 FOR UPDATE`,
    [orgId, id],
  );
  if (row === undefined) return null;
  const { now, ...hold } = row;
  return { hold, now: Date.parse(now) };
}

/** Holds of an org before a place in the order (the latest first; null: from the beginning), of one status or of all. */
export function listHoldRows(
  tx: Sql,
  orgId: string,
  {
    status,
    before,
    limit,
  }: { status: HoldStatus | null; before: { createdAt: string; id: string } | null; limit: number },
): Promise<HoldDetails[]> {
  return tx.query<HoldDetails>(
    `SELECT ${DETAIL_COLUMNS} FROM holds h
     WHERE h.org_id = $1 AND ($2::text IS NULL OR h.status = $2)
       AND ($3::timestamptz IS NULL OR (h.created_at, h.id) < ($3, $4))
     ORDER BY h.created_at DESC, h.id DESC LIMIT $5`,
    [orgId, status, before?.createdAt ?? null, before?.id ?? '', limit],
  );
}

/** What settling a hold books, by its lines in order. */
export interface Settlement {
  /** Of money, as the caller said. */
  amount: string;
  tokens: number;
  booked: readonly Decimal[];
  /** Start of the period of each, milliseconds since the epoch; null for `total`. */
  periods: readonly (number | null)[];
  /** RFC 3339. */
  at: string;
}

/** Closes a locked hold with what its caller spent, and returns it. */
export function settleHoldRow(tx: Sql, id: string, settlement: Settlement): Promise<HoldDetails[]> {
  return tx.query<HoldDetails>(
    `UPDATE holds h SET status = 'settled', settled_amount = $2, settled_tokens = $3, booked = $4::numeric[],
       booked_periods = $5::timestamptz[], closed_at = $6 WHERE h.id = $1 RETURNING ${DETAIL_COLUMNS}`,
    [
      id,
      settlement.amount,
      settlement.tokens,
      settlement.booked.map(formatDecimal),
      settlement.periods.map((start) => new Date(start ?? NO_PERIOD).toISOString()),
      settlement.at,
    ],
  );
}
