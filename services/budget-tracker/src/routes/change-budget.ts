import { AppError, type BudgetChange, type Budget as BudgetView, changeBudget } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { closeBooks, openBooks } from '../books.ts';
import { reachedThresholds } from '../domain/alert.ts';
import { allowance, type Budget } from '../domain/budget.ts';
import { formatDecimal, parseDecimal } from '../domain/decimal.ts';
import { timeOrNull } from '../store/budget-rows.ts';
import { type BudgetDetails, findBudgetDetails, replaceBudget } from '../store/budgets.ts';
import { lockCursors } from '../store/cursors.ts';
import { databaseTime } from '../store/database-time.ts';
import { readChainEnds } from '../store/decisions.ts';
import { audit, callerId } from './audit.ts';
import { budgetView } from './budget-view.ts';
import type { CreateBudgetParts } from './create-budget.ts';
import { conditionOf } from './create-budget.ts';
import { noBudget } from './get-budget.ts';
import { inOrg } from './in-org.ts';

/** `PATCH /v1/orgs/:org/budgets/:id`: decisions stored before keep counting by the version before. */
export function changeBudgetRoute(app: HttpApp, { db, wake }: Pick<CreateBudgetParts, 'db' | 'wake'>): void {
  app.mount(changeBudget, async ({ params: { org, id }, body, principal, req }) => {
    const condition = body.scope === undefined ? undefined : conditionOf(body.scope);
    const view = await inOrg(db, org, async (tx) => {
      // In the order of all who lock: whoever counts or holds waits here, and reads the new version after.
      await lockCursors(tx, [org]);
      const now = await databaseTime(tx);
      const [opened] = await openBooks(tx, [id], now);
      const details = opened && (await findBudgetDetails(tx, org, id));
      if (!opened || !details) throw noBudget(org, id);
      const before = opened.budget;
      const budget = changed(before, body, condition);
      const lastSeq = (await readChainEnds(tx, [org])).get(org)?.lastSeq ?? 0;
      const at = new Date(now).toISOString();
      await replaceBudget(tx, budget, { lastSeq, changedBy: callerId(principal), at });
      const state = { ...opened.state, version: opened.state.version + 1 };
      // A lower limit may be reached already.
      const alerts = reachedThresholds(
        budget,
        { used: state.committed, limit: allowance(before, state) },
        { used: state.committed, limit: allowance(budget, state) },
        state.period?.start ?? null,
      );
      await closeBooks(tx, [{ budget, state }], alerts, now);
      const shown: BudgetDetails = { budget, state, createdAt: details.createdAt, updatedAt: at };
      const after = budgetView(shown, now);
      const detail = { revision: budget.revision, ...differences(body, budgetView(details, now), after) };
      await audit(tx, { principal, req }, { orgId: org, action: 'budget.change', target: id, detail });
      return after;
    });
    wake();
    return view;
  });
}

/** What a change names, as it was and as it is. */
function differences(body: BudgetChange, before: BudgetView, after: BudgetView): { before: object; after: object } {
  const named = Object.entries(body).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const only = (view: BudgetView) => Object.fromEntries(Object.entries(view).filter(([name]) => named.includes(name)));
  return { before: only(before), after: only(after) };
}

function changed(before: Budget, body: BudgetChange, condition: Budget['condition'] | undefined): Budget {
  const { limit, startsAt, endsAt, ...rest } = body;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const budget: Budget = {
    ...before,
    ...given,
    ...(limit !== undefined && { limit: parseDecimal(limit) }),
    ...(startsAt !== undefined && { startsAt: timeOrNull(startsAt) }),
    ...(endsAt !== undefined && { endsAt: timeOrNull(endsAt) }),
    ...(condition !== undefined && { condition }),
    revision: before.revision + 1,
  };
  const refuse = (path: string, message: string) => new AppError('VALIDATION_FAILED', `${path}: ${message}`, { path });
  if (budget.unit !== 'currency' && formatDecimal(budget.limit).includes('.')) {
    throw refuse('limit', `must be a whole number for the unit "${budget.unit}"`);
  }
  if (budget.carryOver && budget.periods.kind === 'total')
    throw refuse('carryOver', 'must be false for the period "total"');
  if (budget.startsAt !== null && budget.endsAt !== null && budget.endsAt <= budget.startsAt) {
    throw refuse('endsAt', 'must be after startsAt');
  }
  return budget;
}
