import { erasePerson } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type HttpApp } from '@governsai/service';
import { erasePersonOf } from '../proof/erasure.ts';

/** `POST /v1/orgs/:org/decisions/erase-person`. */
export function erasePersonRoute(app: HttpApp, db: Database, wake: () => void): void {
  app.mount(erasePerson, async ({ params: { org }, body: { userId }, ...source }) => {
    const erased = await erasePersonOf(db, org, userId, async (tx, count) => {
      // Not whom: the audit would keep what is being erased.
      const entry = { orgId: org, action: 'person.erase', target: null, detail: { decisions: count } };
      await outboxAppend(tx, 'decision-writer', [auditEvent(source, entry)]);
    });
    wake();
    return { erased };
  });
}
