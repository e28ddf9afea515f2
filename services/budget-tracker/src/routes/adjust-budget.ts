import { AppError, adjustBudget, normalizeDecimal } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { book } from '../books.ts';
import type { LedgerLine } from '../domain/booking.ts';
import { parseDecimal, ZERO } from '../domain/decimal.ts';
import { periodAt } from '../domain/period.ts';
import { findBudgetDetails } from '../store/budgets.ts';
import { databaseTime } from '../store/database-time.ts';
import { findLedgerAmount } from '../store/ledger.ts';
import { audit } from './audit.ts';
import { budgetView } from './budget-view.ts';
import type { CreateBudgetParts } from './create-budget.ts';
import { noBudget } from './get-budget.ts';
import { inOrg } from './in-org.ts';

/** `POST /v1/orgs/:org/budgets/:id/adjustments`: a correction by hand, once a key. */
export function adjustBudgetRoute(app: HttpApp, { db, wake }: Pick<CreateBudgetParts, 'db' | 'wake'>): void {
  app.mount(adjustBudget, async ({ params: { org, id }, body, principal, req }) => {
    const view = await inOrg(db, org, async (tx) => {
      const details = await findBudgetDetails(tx, org, id);
      if (!details) throw noBudget(org, id);
      const { budget } = details;
      const now = await databaseTime(tx);
      const occurredAt = body.at === undefined ? now : Date.parse(body.at);
      if (occurredAt > now) {
        throw new AppError('VALIDATION_FAILED', 'at: must not be in the future; leave it out for now', { path: 'at' });
      }
      const line: LedgerLine = {
        orgId: org,
        budgetId: id,
        source: 'adjustment',
        sourceId: body.idempotencyKey,
        seq: null,
        amount: parseDecimal(body.amount),
        uncovered: ZERO,
        periodStart: periodAt(budget.periods, occurredAt)?.start ?? null,
        occurredAt,
        revision: budget.revision,
        priceId: null,
        holdId: null,
      };
      if (await isBooked(tx, line)) return budgetView(details, now);
      await book(tx, { postings: [{ budgetId: id, line, release: ZERO }] }, now);
      const detail = { key: body.idempotencyKey, amount: body.amount, at: body.at ?? null, reason: body.reason };
      await audit(tx, { principal, req }, { orgId: org, action: 'budget.adjust', target: id, detail });
      const after = await findBudgetDetails(tx, org, id);
      if (!after) throw noBudget(org, id);
      return budgetView(after, now);
    });
    wake();
    return view;
  });
}

/** Whether a correction with this key is in the ledger already. Throws IDEMPOTENCY_CONFLICT when it is another one. */
async function isBooked(tx: Sql, line: LedgerLine): Promise<boolean> {
  const before = await findLedgerAmount(tx, line.budgetId, line.source, line.sourceId);
  if (before === null) return false;
  if (parseDecimal(before) === line.amount) return true;
  throw new AppError(
    'IDEMPOTENCY_CONFLICT',
    `idempotencyKey: was used for an adjustment of ${normalizeDecimal(before)}; use another key for another one`,
    { path: 'idempotencyKey' },
  );
}
