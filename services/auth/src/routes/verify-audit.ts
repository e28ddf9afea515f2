import { verifyAudit } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { verifyAuditChain } from '../audit/verification.ts';
import type { Changes } from '../change-access.ts';

/** `GET /v1/orgs/:org/audit/verify` */
export function verifyAuditRoute(app: HttpApp, db: Database, changes: Changes): void {
  app.mount(verifyAudit, async ({ params: { org }, principal, req }) => {
    const found = await verifyAuditChain(db, org);
    return changes.make({ principal, req }, org, async () => ({
      result: found,
      audit: [{ action: 'audit.verify', target: null, detail: { valid: found.valid, checked: found.checked } }],
    }));
  });
}
