import { randomBytes } from 'node:crypto';
import { compileCondition } from '@governsai/cel';
import { AppError, type BudgetScope, createBudget, type NewBudget } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { closeBooks, openBooks } from '../books.ts';
import type { Budget } from '../domain/budget.ts';
import { parseDecimal } from '../domain/decimal.ts';
import { timeOrNull } from '../store/budget-rows.ts';
import { countBudgets, insertBudget } from '../store/budgets.ts';
import { lockCursors } from '../store/cursors.ts';
import { databaseTime } from '../store/database-time.ts';
import { readChainEnds } from '../store/decisions.ts';
import { audit, callerId } from './audit.ts';
import { budgetView } from './budget-view.ts';
import { inOrg } from './in-org.ts';

export interface CreateBudgetParts {
  db: Database;
  /** Budgets of one org at most. */
  maxBudgets: number;
  /** Called when events wait in the outbox. */
  wake: () => void;
}

/** `POST /v1/orgs/:org/budgets`. */
export function createBudgetRoute(app: HttpApp, { db, maxBudgets, wake }: CreateBudgetParts): void {
  app.mount(createBudget, async ({ params: { org }, body, principal, req }) => {
    const condition = conditionOf(body.scope);
    const view = await inOrg(db, org, async (tx) => {
      // Whoever counts holds this lock too: a decision is either counted before, or meets the new budget.
      await lockCursors(tx, [org]);
      if ((await countBudgets(tx, org)) >= maxBudgets) {
        throw new AppError(
          'CONFLICT',
          `org ${org} has ${maxBudgets} budgets, the most it may have: archive one, or ask the operator to raise MAX_BUDGETS`,
        );
      }
      const now = await databaseTime(tx);
      const lastSeq = (await readChainEnds(tx, [org])).get(org)?.lastSeq ?? 0;
      const budget = { ...budgetOf(org, body, now), condition, fromSeq: lastSeq + 1 };
      await insertBudget(tx, budget, callerId(principal));
      const [opened] = await openBooks(tx, [budget.id], now);
      if (opened === undefined) throw new Error(`the state of budget ${budget.id} was not made`);
      const state = { ...opened.state, version: opened.state.version + 1 };
      await closeBooks(tx, [{ budget, state }], [], now);
      const { id, name, unit, hard, periods } = budget;
      const detail = { before: null, after: { name, limit: body.limit, period: periods.kind, unit, hard } };
      await audit(tx, { principal, req }, { orgId: org, action: 'budget.create', target: id, detail });
      const createdAt = new Date(now).toISOString();
      return budgetView({ budget, state, createdAt, updatedAt: createdAt }, now);
    });
    wake();
    return view;
  });
}

/** The condition of a scope, compiled; null when it has none. Throws VALIDATION_FAILED at `scope.when`. */
export function conditionOf({ when }: BudgetScope) {
  return when === undefined ? null : compileCondition(when, 'scope.when');
}

function budgetOf(orgId: string, body: NewBudget, now: number): Omit<Budget, 'condition' | 'fromSeq'> {
  return {
    id: `bud_${randomBytes(12).toString('hex')}`,
    orgId,
    name: body.name,
    limit: parseDecimal(body.limit),
    unit: body.unit,
    currency: body.currency ?? null,
    periods: { kind: body.period, timeZone: body.timeZone, anchor: timeOrNull(body.anchor ?? null) },
    hard: body.hard,
    carryOver: body.carryOver,
    startsAt: timeOrNull(body.startsAt),
    endsAt: timeOrNull(body.endsAt),
    scope: body.scope,
    thresholds: body.thresholds,
    forecast: body.forecast,
    revision: 1,
    createdAt: now,
  };
}
