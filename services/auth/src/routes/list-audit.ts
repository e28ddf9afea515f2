import { AppError, listAudit } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readNewest } from '../audit/store.ts';
import { inOrg } from '../reachable.ts';

/** `GET /v1/orgs/:org/audit` */
export function listAuditRoute(app: HttpApp, db: Database): void {
  app.mount(listAudit, async ({ params: { org }, query: { cursor, limit, ...filter } }) => {
    const before = cursor === undefined ? null : seqOf(cursor);
    const rows = await inOrg(db, org, (tx) => readNewest(tx, org, filter, before, limit + 1));
    const items = rows.slice(0, limit);
    return { items, next: rows.length > limit ? String(items.at(-1)?.seq) : null };
  });
}

function seqOf(cursor: string): number {
  if (/^[1-9]\d{0,15}$/.test(cursor)) return Number(cursor);
  throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', { path: 'cursor' });
}
