import { AppError, listBudgets } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { listBudgetDetails } from '../store/budgets.ts';
import { budgetView } from './budget-view.ts';
import { inOrg } from './in-org.ts';

/** `GET /v1/orgs/:org/budgets`: keyset pages by id. */
export function listBudgetsRoute(app: HttpApp, db: Database): void {
  app.mount(listBudgets, async ({ params: { org }, query: { cursor, limit } }) => {
    const after = cursor === undefined ? '' : decodeCursor(cursor);
    const page = await inOrg(db, org, (tx) => listBudgetDetails(tx, org, after, limit));
    const last = page.at(-1);
    const now = Date.now();
    return {
      items: page.map((details) => budgetView(details, now)),
      next: last && page.length === limit ? encodeCursor(last.budget.id) : null,
    };
  });
}

// Opaque to clients, so that the order may change.
function encodeCursor(id: string): string {
  return Buffer.from(`id:${id}`).toString('base64url');
}

function decodeCursor(cursor: string): string {
  const match = /^id:([\x21-\x7e]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!match?.[1])
    throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', { path: 'cursor' });
  return match[1];
}
