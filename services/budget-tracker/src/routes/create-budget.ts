import { randomBytes, randomUUID } from 'node:crypto';
import { AppError, type AuditRecorded, createBudget, type NewBudget, type Principal } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { budgetEvent, OUTBOX } from '../counting.ts';
import { type Budget, budgetsChangedValue } from '../domain/budget.ts';
import { parseDecimal } from '../domain/decimal.ts';
import { lockStates, saveStates } from '../store/budget-states.ts';
import { countBudgets, insertBudget } from '../store/budgets.ts';
import { lockCursors } from '../store/cursors.ts';
import { readChainEnds } from '../store/decisions.ts';
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
    const now = Date.now();
    const createdAt = new Date(now).toISOString();
    const created = await inOrg(db, org, async (tx) => {
      // Whoever counts holds this lock too: a decision is either counted before, or meets the new budget.
      await lockCursors(tx, [org]);
      if ((await countBudgets(tx, org)) >= maxBudgets) {
        throw new AppError(
          'CONFLICT',
          `org ${org} has ${maxBudgets} budgets, the most it may have: ask the operator to raise MAX_BUDGETS`,
        );
      }
      const lastSeq = (await readChainEnds(tx, [org])).get(org)?.lastSeq ?? 0;
      const budget = budgetOf(org, body, lastSeq + 1);
      await insertBudget(tx, budget, createdAt);
      const empty = (await lockStates(tx, [budget])).get(budget.id);
      if (empty === undefined) throw new Error(`the state of budget ${budget.id} was not made`);
      const state = { ...empty, version: empty.version + 1 };
      const value = budgetsChangedValue(budget, state, now);
      await saveStates(tx, [{ state, value }]);
      const audit = {
        topic: 'audit.recorded' as const,
        key: org,
        value: auditOf(budget, principal, req.ip, createdAt),
      };
      await outboxAppend(tx, OUTBOX, [budgetEvent(value), audit]);
      return { budget, state, createdAt, updatedAt: createdAt };
    });
    wake();
    return budgetView(created, now);
  });
}

function budgetOf(orgId: string, body: NewBudget, fromSeq: number): Budget {
  return {
    id: `bud_${randomBytes(12).toString('hex')}`,
    orgId,
    name: body.name,
    limit: parseDecimal(body.limit),
    unit: body.unit,
    currency: body.currency ?? null,
    period: body.period,
    timeZone: body.timeZone,
    hard: body.hard,
    scope: body.scope,
    thresholds: body.thresholds,
    fromSeq,
  };
}

function auditOf(budget: Budget, principal: Principal | null, ip: string | undefined, at: string): AuditRecorded {
  return {
    id: randomUUID(),
    orgId: budget.orgId,
    actor: { userId: principal?.userId ?? null, keyId: principal?.keyId ?? null, service: null },
    action: 'budget.create',
    target: budget.id,
    result: 'ok',
    ip: ip ?? null,
    detail: { name: budget.name, period: budget.period, unit: budget.unit, hard: budget.hard },
    at,
  };
}
