import { once } from 'node:events';
import { exportAudit } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readOldest } from '../audit/store.ts';
import type { Changes } from '../change-access.ts';
import { inOrg } from '../reachable.ts';

const PAGE = 500;

/** `GET /v1/orgs/:org/audit/export`: page by page, no faster than the client reads. */
export function exportAuditRoute(app: HttpApp, db: Database, changes: Changes): void {
  app.mount(exportAudit, async ({ params: { org }, query: { afterSeq, ...filter }, principal, req, res }) => {
    await changes.make({ principal, req }, org, async () => {
      const detail = { afterSeq, ...filter };
      return { result: undefined, audit: [{ action: 'audit.export', target: null, detail }] };
    });
    const read = (after: number) => inOrg(db, org, (tx) => readOldest(tx, org, filter, after, PAGE));
    // The first page before the head of the answer: what fails by then is still told as a problem.
    let page = await read(afterSeq);
    res.setHeader('content-type', `${exportAudit.mediaType}; charset=utf-8`);
    res.setHeader('content-disposition', `attachment; filename="${org}-audit.ndjson"`);
    for (;;) {
      const text = page.map(({ record, hash }) => `${JSON.stringify({ record, hash })}\n`).join('');
      if (!res.write(text)) await Promise.race([once(res, 'drain'), once(res, 'close')]);
      const last = page.at(-1);
      if (res.destroyed || last === undefined || page.length < PAGE) break;
      page = await read(last.seq);
    }
    res.end();
    return undefined;
  });
}
