import {
  AppError,
  createHold,
  getHold,
  listHolds,
  type Principal,
  releaseHold,
  settleHold,
} from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import type { HoldDesk } from '../holds/desk.ts';
import { findHold, listHoldRows } from '../store/holds.ts';
import { holdView } from './hold-view.ts';
import { inOrg } from './in-org.ts';

export interface HoldRouteParts {
  db: Database;
  desk: HoldDesk;
}

/** `/v1/orgs/:org/holds` and what is done with one. */
export function holdRoutes(app: HttpApp, { db, desk }: HoldRouteParts): void {
  app.mount(createHold, ({ body, principal }) => desk.ask({ principal: known(principal), hold: body }));

  app.mount(settleHold, async ({ params: { org, id }, body: { amount, tokens } }) =>
    holdView(await desk.settle(org, id, { amount, tokens: tokens ?? null })),
  );

  app.mount(releaseHold, async ({ params: { org, id } }) => holdView(await desk.release(org, id)));

  app.mount(getHold, async ({ params: { org, id } }) => {
    const hold = await inOrg(db, org, (tx) => findHold(tx, org, id));
    if (!hold) throw new AppError('NOT_FOUND', `org ${org} has no hold ${id}: list its holds to see their ids`);
    return holdView(hold);
  });

  app.mount(listHolds, async ({ params: { org }, query: { status = null, cursor, limit } }) => {
    const place = decodeCursor(cursor, 'string', 'string');
    const before = place && { createdAt: timeOf(place[0]), id: place[1] };
    const rows = await inOrg(db, org, (tx) => listHoldRows(tx, org, { status, before, limit: limit + 1 }));
    return pageOf(rows, limit, (row) => [row.created_at, row.id], holdView);
  });
}

function timeOf(text: string): string {
  if (Number.isNaN(Date.parse(text))) {
    throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', { path: 'cursor' });
  }
  return text;
}

function known(principal: Principal | null): Principal {
  if (principal === null) throw new Error('the route is guarded, so that it has a principal');
  return principal;
}
