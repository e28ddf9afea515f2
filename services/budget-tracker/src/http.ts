import { authorize } from '@governsai/access';
import type { Database } from '@governsai/db';
import type { HttpApp, Logger } from '@governsai/service';
import type { HoldDesk } from './holds/desk.ts';
import { adjustBudgetRoute } from './routes/adjust-budget.ts';
import { archiveBudgetRoute } from './routes/archive-budget.ts';
import { budgetHistoryRoutes } from './routes/budget-history.ts';
import { changeBudgetRoute } from './routes/change-budget.ts';
import { createBudgetRoute } from './routes/create-budget.ts';
import { getBudgetRoute } from './routes/get-budget.ts';
import { holdRelayRoute } from './routes/hold-relay.ts';
import { holdRoutes } from './routes/holds.ts';
import { listBudgetsRoute } from './routes/list-budgets.ts';
import { priceRoutes } from './routes/prices.ts';
import { usageRoutes } from './routes/usage.ts';
import { deliveryRoutes, webhookRoutes } from './routes/webhooks.ts';
import type { AddressPolicy } from './webhooks/address-policy.ts';

export interface RouteParts {
  db: Database;
  desk: HoldDesk;
  log: Logger;
  /** Budgets of one org at most. */
  maxBudgets: number;
  /** Where webhooks may be. */
  policy: AddressPolicy;
  /** Called when events wait in the outbox. */
  wake: () => void;
}

/** Mounts every route of this service. */
export function mountRoutes(app: HttpApp, { db, desk, log, maxBudgets, policy, wake }: RouteParts): void {
  listBudgetsRoute(app, db);
  getBudgetRoute(app, db);
  createBudgetRoute(app, { db, maxBudgets, wake });
  changeBudgetRoute(app, { db, wake });
  archiveBudgetRoute(app, { db, wake });
  adjustBudgetRoute(app, { db, wake });
  budgetHistoryRoutes(app, db);
  holdRoutes(app, { db, desk });
  usageRoutes(app, { db, wake });
  priceRoutes(app, { db, wake });
  webhookRoutes(app, { db, policy, wake });
  deliveryRoutes(app, { db, wake });
  holdRelayRoute(app, { desk, authorize, log });
}
