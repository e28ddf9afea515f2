import { createHash, randomBytes } from 'node:crypto';
import { decisionFacts } from '@governsai/cel';
import { AppError, canonicalJson, type HoldAnswer, type NewHold, type Principal } from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';
import { type Budget, type BudgetState, budgetsChangedValue, nextPeriod, remainingOf } from '../domain/budget.ts';
import { type Decimal, formatDecimal, parseDecimal, smaller, ZERO } from '../domain/decimal.ts';
import { refuses, type Spending, wantedOf } from '../domain/hold.ts';
import { type Candidate, isInScope } from '../domain/matching.ts';
import type { Definitions, OrgBudgets } from '../store/definitions.ts';
import { findAnswer, type GrantView, lockForGrant, overdueHeld, storeHold } from '../store/hold-grants.ts';
import { openStates } from './open-states.ts';
import { expireHolds } from './sweep.ts';

export interface GrantParts {
  db: Database;
  definitions: Definitions;
}

/** What is asked for, and by whom. */
export interface GrantRequest {
  principal: Principal;
  hold: NewHold;
}

/** How often a grant starts again because budgets have changed under it, or holds had to be expired for it. */
const MAX_TRIES = 8;
/** How often it waits for holds to be expired. Others may take the room each time; then it is not there. */
const MAX_SWEEPS = 2;
const ANY_DECISION = Number.MAX_SAFE_INTEGER;

/** What one try came to: an answer, or what has to be done before the next. */
type Outcome = Granted | { again: 'reload' } | { again: 'expire' } | { again: 'open'; budgetIds: string[] };

/** What a caller is answered. */
export interface Granted {
  answer: HoldAnswer;
  /** The same was asked and answered before. */
  repeated: boolean;
}

/**
 * Sets an amount aside in every budget it applies to, or in none. All states are locked in the order of their ids before any is
 * looked at, so that what is committed and held never goes past a hard limit, however many ask at the same time (G5). The same
 * key and request get the same answer. Throws IDEMPOTENCY_CONFLICT for another request with the key, and what the database
 * throws.
 */
export async function grantHold(parts: GrantParts, request: GrantRequest): Promise<Granted> {
  const { db, definitions } = parts;
  const { orgId } = request.principal;
  let sweeps = 0;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const budgets = definitions.remembered(orgId) ?? (await reload(parts, orgId));
    const outcome = await db.transaction([orgId], (tx) => tryGrant(tx, request, budgets, sweeps < MAX_SWEEPS));
    if ('answer' in outcome) return outcome;
    if (outcome.again === 'reload') await reload(parts, orgId);
    else if (outcome.again === 'open') await openStates(db, orgId, outcome.budgetIds);
    else {
      sweeps += 1;
      await expireHolds(db, orgId);
    }
  }
  throw new AppError('UNAVAILABLE', 'the budgets of the org change all the time: retry shortly', { retryAfterMs: 100 });
}

async function reload({ db, definitions }: GrantParts, orgId: string): Promise<OrgBudgets> {
  const loaded = await db.transaction([orgId], (tx) => definitions.load(tx, new Map([[orgId, ANY_DECISION]])));
  const budgets = loaded.get(orgId);
  if (budgets === undefined) throw new Error(`the budgets of org ${orgId} were not loaded`);
  return budgets;
}

/** A budget that the hold applies to. */
interface Line {
  budget: Budget;
  wanted: Decimal;
}

async function tryGrant(tx: Sql, request: GrantRequest, budgets: OrgBudgets, maySweep: boolean): Promise<Outcome> {
  const { orgId } = request.principal;
  const spending = spendingOf(request.hold);
  // By our own clock: it decides only about budgets that begin or end just now.
  const lines = linesOf(request, spending, budgets.inForce, Date.now());
  const view = await lockForGrant(
    tx,
    orgId,
    lines.map(({ budget }) => budget.id),
  );
  const stale = lines.some(({ budget }) => view.states.get(budget.id)?.revision !== budget.revision);
  const unopened = lines.flatMap(({ budget }) => (isOpen(budget, view) ? [] : [budget.id]));
  if (unopened.length > 0) return { again: 'open', budgetIds: unopened };
  if (stale || view.head !== budgets.head) return { again: 'reload' };
  const refusing = lines.find(({ budget, wanted }) => refuses(budget, stateOf(view, budget), wanted, spending));
  if (refusing && maySweep && (await wouldFitSoon(tx, orgId, lines, spending, view))) return { again: 'expire' };
  return store(tx, request, spending, lines, view, refusing ?? null);
}

/** Whether there was room, had the holds been swept whose time is over: nobody is refused for the sake of those. */
async function wouldFitSoon(
  tx: Sql,
  orgId: string,
  lines: readonly Line[],
  spending: Spending,
  view: GrantView,
): Promise<boolean> {
  const ids = lines.map(({ budget }) => budget.id);
  const overdue = await overdueHeld(tx, orgId, ids);
  if (overdue.size === 0) return false;
  return !lines.some(({ budget, wanted }) => {
    const state = stateOf(view, budget);
    return refuses(budget, { ...state, held: state.held - (overdue.get(budget.id) ?? ZERO) }, wanted, spending);
  });
}

function isOpen(budget: Budget, { states, now }: GrantView): boolean {
  const known = states.get(budget.id);
  return known !== undefined && nextPeriod(budget, known.state, now) === null;
}

function stateOf({ states }: GrantView, budget: Budget): BudgetState {
  const known = states.get(budget.id);
  if (known === undefined) throw new Error(`the state of budget ${budget.id} is not locked`);
  return known.state;
}

async function store(
  tx: Sql,
  { principal, hold }: GrantRequest,
  spending: Spending,
  lines: readonly Line[],
  view: GrantView,
  refusing: Line | null,
): Promise<Outcome> {
  const id = `hold_${randomBytes(12).toString('hex')}`;
  const createdAt = new Date(view.now).toISOString();
  const expiresAt = new Date(view.now + hold.ttlSeconds * 1000).toISOString();
  const held = refusing ? [] : lines;
  const changes = held.map(({ budget, wanted }) => {
    const before = stateOf(view, budget);
    const state = { ...before, held: before.held + wanted, version: before.version + 1 };
    return { budget, state, wanted, value: budgetsChangedValue(budget, state, view.now) };
  });
  const answer: HoldAnswer = {
    holdId: id,
    allowed: refusing === null,
    mode: 'enforced',
    ...(refusing && { refusedBy: refusing.budget.id }),
    remaining: refusing ? formatDecimal(remainingOf(refusing.budget, stateOf(view, refusing.budget))) : least(changes),
    budgets: changes.map(({ budget, state, wanted }) => ({
      budgetId: budget.id,
      name: budget.name,
      hard: budget.hard,
      held: formatDecimal(wanted),
      remaining: formatDecimal(remainingOf(budget, state)),
    })),
    expiresAt,
  };
  const requestHash = hashOf(hold);
  const row = {
    id,
    orgId: principal.orgId,
    idempotencyKey: hold.idempotencyKey,
    requestHash,
    status: refusing ? ('refused' as const) : ('open' as const),
    amount: spending.amount,
    currency: spending.currency,
    tokens: spending.tokens ?? 0,
    userId: userOf(principal, hold),
    keyId: principal.keyId,
    tool: hold.tool ?? null,
    tags: hold.tags ?? [],
    correlationId: hold.correlationId ?? null,
    answer,
    lines: changes.map(({ budget, wanted }) => ({ budgetId: budget.id, held: wanted })),
    createdAt,
    expiresAt,
  };
  if (await storeHold(tx, row, changes)) return { answer, repeated: false };
  const before = await findAnswer(tx, principal.orgId, hold.idempotencyKey);
  if (before?.requestHash === requestHash) return { answer: before.answer, repeated: true };
  throw new AppError(
    'IDEMPOTENCY_CONFLICT',
    'idempotencyKey: was used for another hold; use a new key for a new hold',
    {
      path: 'idempotencyKey',
    },
  );
}

/** The least that remains of the budgets in money; null when there are none. */
function least(changes: readonly { budget: Budget; state: BudgetState }[]): string | null {
  const inMoney = changes.filter(({ budget }) => budget.unit === 'currency');
  const [first, ...others] = inMoney.map(({ budget, state }) => remainingOf(budget, state));
  return first === undefined ? null : formatDecimal(others.reduce(smaller, first));
}

function spendingOf({ amount, currency, tokens }: NewHold): Spending {
  return { amount: parseDecimal(amount), currency: currency ?? null, tokens: tokens ?? null };
}

function userOf(principal: Principal, hold: NewHold): string | null {
  return hold.userId ?? principal.userId;
}

function linesOf(
  { principal, hold }: GrantRequest,
  spending: Spending,
  budgets: readonly Budget[],
  now: number,
): Line[] {
  const { orgId, keyId } = principal;
  const userId = userOf(principal, hold);
  const tool = hold.tool ?? null;
  const tags = hold.tags ?? [];
  const candidate: Candidate = {
    orgId,
    tool,
    tags,
    userId,
    keyId,
    at: now,
    facts: () =>
      decisionFacts(
        {
          direction: 'precheck',
          decision: 'allow',
          tool,
          scope: null,
          correlationId: hold.correlationId ?? null,
          tags: [...tags],
          latencyMs: null,
          timestamp: new Date(now).toISOString(),
        },
        {
          userId,
          keyId,
          usage: {
            cost: hold.amount,
            currency: hold.currency ?? null,
            model: hold.model ?? null,
            provider: hold.provider ?? null,
          },
        },
      ),
  };
  return budgets.flatMap((budget) => {
    const wanted = isInScope(budget, candidate) ? wantedOf(budget, spending) : null;
    return wanted === null ? [] : [{ budget, wanted }];
  });
}

/** What makes two requests the same: everything but the key. */
function hashOf({ idempotencyKey: _key, ...request }: NewHold): string {
  const said = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null && value !== undefined));
  return createHash('sha256').update(canonicalJson(said)).digest('hex');
}
