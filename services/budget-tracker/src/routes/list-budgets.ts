import { listBudgets } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import { listBudgetDetails } from '../store/budgets.ts';
import { budgetView } from './budget-view.ts';
import { inOrg } from './in-org.ts';

/** `GET /v1/orgs/:org/budgets`: keyset pages by id. */
export function listBudgetsRoute(app: HttpApp, db: Database): void {
  app.mount(listBudgets, async ({ params: { org }, query: { cursor, limit } }) => {
    const [after] = decodeCursor(cursor, 'string') ?? [''];
    const details = await inOrg(db, org, (tx) => listBudgetDetails(tx, org, after, limit + 1));
    const now = Date.now();
    return pageOf(
      details,
      limit,
      ({ budget }) => [budget.id],
      (one) => budgetView(one, now),
    );
  });
}
