import { AppError, getRetention, putRetention } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type HttpApp } from '@governsai/service';

/** `GET` and `PUT /v1/orgs/:org/chain/retention`. */
export function retentionRoutes(app: HttpApp, db: Database, wake: () => void): void {
  app.mount(getRetention, async ({ params: { org } }) => {
    const [row] = await db.transaction([org], (tx) =>
      tx.query<{ days: number | null }>('SELECT retention_days AS days FROM organizations WHERE id = $1', [org]),
    );
    return row ?? unknownOrg(org);
  });
  app.mount(putRetention, async ({ params: { org }, body: { days }, ...source }) => {
    await db.transaction([org], async (tx) => {
      const [before] = await tx.query<{ days: number | null }>(
        'SELECT retention_days AS days FROM organizations WHERE id = $1 FOR UPDATE',
        [org],
      );
      if (!before) unknownOrg(org);
      await tx.execute('UPDATE organizations SET retention_days = $2 WHERE id = $1', [org, days]);
      const detail = { before: before?.days ?? null, after: days };
      const entry = { orgId: org, action: 'retention.update', target: org, detail };
      await outboxAppend(tx, 'decision-writer', [auditEvent(source, entry)]);
    });
    wake();
    return { days };
  });
}

function unknownOrg(org: string): never {
  throw new AppError('NOT_FOUND', `there is no org ${org}; check its slug`);
}
