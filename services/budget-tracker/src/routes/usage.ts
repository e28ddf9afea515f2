import { once } from 'node:events';
import { AppError, exportUsage, getUsage, type UsageDimension } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import { csvLine } from '../domain/csv.ts';
import { readUsage, type UsageQuery, type UsageSums } from '../store/usage.ts';
import { audit } from './audit.ts';
import { inOrg } from './in-org.ts';

const DEFAULT_SPAN_MS = 30 * 24 * 60 * 60 * 1000;
const EXPORT_PAGE = 2000;

interface Asked {
  groupBy: UsageDimension[];
  interval: 'hour' | 'day';
  from?: string | undefined;
  to?: string | undefined;
}

/** `GET /v1/orgs/:org/usage`, and `…/export` as CSV. `wake`: called when events wait in the outbox. */
export function usageRoutes(app: HttpApp, { db, wake }: { db: Database; wake: () => void }): void {
  app.mount(getUsage, async ({ params: { org }, query }) => {
    const { groupBy, cursor, limit } = query;
    const kinds = Array.from({ length: groupBy.length + 2 }, () => 'string' as const);
    const place = decodeCursor(cursor, ...kinds) as string[] | null;
    if (place && Number.isNaN(Date.parse(place[0] ?? ''))) {
      throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', { path: 'cursor' });
    }
    const rows = await inOrg(db, org, (tx) =>
      readUsage(tx, { ...queryOf(org, query), after: place, limit: limit + 1 }),
    );
    return pageOf(rows, limit, placeOf, (row) => ({
      bucket: row.bucket,
      ...Object.fromEntries(groupBy.map((name, index) => [name, row.group[index]])),
      currency: row.currency,
      calls: row.calls,
      cost: row.cost,
      inputTokens: row.inputTokens,
      outputTokens: row.outputTokens,
    }));
  });

  app.mount(exportUsage, async ({ params: { org }, query, res, principal, req }) => {
    const asked = queryOf(org, query);
    const page = (after: string[] | null) =>
      inOrg(db, org, (tx) => readUsage(tx, { ...asked, after, limit: EXPORT_PAGE }));
    // Read before anything is written: what fails until here is answered as a problem.
    let rows = await page(null);
    const { orgId: _, ...detail } = asked;
    await inOrg(db, org, (tx) =>
      audit(tx, { principal, req }, { orgId: org, action: 'usage.export', target: null, detail }),
    );
    wake();
    res.status(200).setHeader('content-type', 'text/csv; charset=utf-8');
    res.setHeader('content-disposition', `attachment; filename="usage-${org}.csv"`);
    res.write(csvLine(['bucket', ...query.groupBy, 'currency', 'calls', 'cost', 'inputTokens', 'outputTokens']));
    while (rows.length > 0 && !res.destroyed) {
      if (!res.write(rows.map(lineOf).join(''))) await Promise.race([once(res, 'drain'), once(res, 'close')]);
      const last = rows.at(-1);
      rows = last && rows.length === EXPORT_PAGE ? await page(placeOf(last)) : [];
    }
    res.end();
    return undefined;
  });
}

function queryOf(orgId: string, { groupBy, interval, from, to }: Asked): Omit<UsageQuery, 'after' | 'limit'> {
  const end = to ?? new Date().toISOString();
  const start = from ?? new Date(Date.parse(end) - DEFAULT_SPAN_MS).toISOString();
  if (start >= end) throw new AppError('VALIDATION_FAILED', 'query.from: must be before `to`', { path: 'query.from' });
  return { orgId, groupBy, interval, from: start, to: end };
}

function placeOf({ bucket, group, currency }: UsageSums): string[] {
  return [bucket, ...group, currency];
}

function lineOf(row: UsageSums): string {
  return csvLine(placeOf(row), [row.calls, row.cost, row.inputTokens, row.outputTokens]);
}
