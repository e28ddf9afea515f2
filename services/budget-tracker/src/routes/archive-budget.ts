import { archiveBudget } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { formatDecimal } from '../domain/decimal.ts';
import { lockStates } from '../store/budget-states.ts';
import { endBudget, findBudgetDetails } from '../store/budgets.ts';
import { lockCursors } from '../store/cursors.ts';
import { databaseTime } from '../store/database-time.ts';
import { readChainEnds } from '../store/decisions.ts';
import { audit, callerId } from './audit.ts';
import type { CreateBudgetParts } from './create-budget.ts';
import { noBudget } from './get-budget.ts';
import { inOrg } from './in-org.ts';

/** `DELETE /v1/orgs/:org/budgets/:id`: archives it. */
export function archiveBudgetRoute(app: HttpApp, { db, wake }: Pick<CreateBudgetParts, 'db' | 'wake'>): void {
  app.mount(archiveBudget, async ({ params: { org, id }, principal, req }) => {
    await inOrg(db, org, async (tx) => {
      await lockCursors(tx, [org]);
      await lockStates(tx, [id]);
      const details = await findBudgetDetails(tx, org, id);
      if (!details) throw noBudget(org, id);
      const lastSeq = (await readChainEnds(tx, [org])).get(org)?.lastSeq ?? 0;
      const at = new Date(await databaseTime(tx)).toISOString();
      await endBudget(tx, id, { lastSeq, changedBy: callerId(principal), at });
      await audit(
        tx,
        { principal, req },
        {
          orgId: org,
          action: 'budget.archive',
          target: id,
          detail: { before: { name: details.budget.name, limit: formatDecimal(details.budget.limit) }, after: null },
        },
      );
    });
    wake();
    return undefined;
  });
}
