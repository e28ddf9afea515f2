import { authorize } from '@governsai/access';
import { AppError, createOrg, type Org } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { insertMember } from '../orgs/member-store.ts';
import { insertOrg } from '../orgs/org-store.ts';
import { reachable } from '../reachable.ts';
import { caller } from '../rights.ts';
import { orgsOf } from '../sessions/people.ts';

/** Orgs that one person may be in, at most, to create another. */
const MAX_ORGS = 50;

/** `POST /v1/orgs` */
export function createOrgRoute(app: HttpApp, db: Database, changes: Changes): void {
  app.mount(createOrg, async ({ body: { id, name }, principal, req }) => {
    const by = caller(principal);
    authorize(by, by.orgId, 'org:admin');
    const { userId } = by;
    if (by.kind !== 'session' || userId === null) {
      throw new AppError('FORBIDDEN', 'an org needs a person as its owner: sign in, and use the token of the session');
    }
    if ((await reachable(() => orgsOf(db, userId))).length >= MAX_ORGS) {
      throw new AppError('CONFLICT', `you are in ${MAX_ORGS} orgs, the most one person may be in: leave one first`);
    }
    return changes.make<Org>({ principal, req }, id, async (tx) => {
      const createdAt = new Date().toISOString();
      await insertOrg(tx, { id, name, createdAt });
      await insertMember(tx, { orgId: id, userId, role: 'owner', createdAt });
      const after: Org = { id, name, keepRawText: false, createdAt };
      const detail = { before: null, after, from: by.orgId };
      return { result: after, audit: [{ action: 'org.create', target: id, detail }], access: { userId } };
    });
  });
}
