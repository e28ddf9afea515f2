import { eraseRawText } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type HttpApp } from '@governsai/service';
import { eraseRawText as erase } from '../raw-texts.ts';

/** `DELETE /v1/orgs/:org/decisions/:id/raw-text`. Erasing twice is as good as once. */
export function eraseRawTextRoute(app: HttpApp, db: Database, wake: () => void): void {
  app.mount(eraseRawText, async ({ params: { org, id }, ...source }) => {
    await db.transaction([org], async (tx) => {
      if (!(await erase(tx, org, id))) return;
      const entry = { orgId: org, action: 'raw-text.erase', target: id };
      await outboxAppend(tx, 'decision-writer', [auditEvent(source, entry)]);
    });
    wake();
    return undefined;
  });
}
