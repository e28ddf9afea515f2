import { getRawText } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type HttpApp } from '@governsai/service';
import { readRawText } from '../raw-texts.ts';

/** `GET /v1/orgs/:org/decisions/:id/raw-text`: whoever reads what a person wrote leaves a trace. */
export function getRawTextRoute(app: HttpApp, db: Database, wake: () => void): void {
  app.mount(getRawText, async ({ params: { org, id }, ...source }) => {
    const found = await db.transaction([org], async (tx) => {
      const raw = await readRawText(tx, org, id);
      const entry = { orgId: org, action: 'raw-text.read', target: id };
      await outboxAppend(tx, 'decision-writer', [auditEvent(source, entry)]);
      return raw;
    });
    wake();
    return { decisionId: id, ...found };
  });
}
