import { AppError, getBudget } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { findBudgetDetails } from '../store/budgets.ts';
import { budgetView } from './budget-view.ts';
import { inOrg } from './in-org.ts';

/** `GET /v1/orgs/:org/budgets/:id`. */
export function getBudgetRoute(app: HttpApp, db: Database): void {
  app.mount(getBudget, async ({ params: { org, id } }) => {
    const details = await inOrg(db, org, (tx) => findBudgetDetails(tx, org, id));
    if (!details) throw noBudget(org, id);
    return budgetView(details, Date.now());
  });
}

/** That an org has no budget of an id, or has archived it. */
export function noBudget(org: string, id: string): AppError {
  return new AppError('NOT_FOUND', `org ${org} has no budget ${id}: list its budgets to see their ids`);
}
