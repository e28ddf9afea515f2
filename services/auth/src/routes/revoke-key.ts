import { revokeKey } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { readKey, revoke } from '../keys/key-store.ts';

/** `DELETE /v1/orgs/:org/keys/:id`. Revoking twice is as good as once. */
export function revokeKeyRoute(app: HttpApp, changes: Changes): void {
  app.mount(revokeKey, async ({ params: { org, id }, principal, req }) =>
    changes.make<undefined>({ principal, req }, org, async (tx) => {
      const before = await readKey(tx, org, id);
      if (before.revokedAt !== null) return { result: undefined, audit: [] };
      await revoke(tx, org, id, new Date().toISOString());
      const audit = [{ action: 'key.revoke', target: id, detail: { before, after: null } }];
      return { result: undefined, audit, access: { keyId: id } };
    }),
  );
}
