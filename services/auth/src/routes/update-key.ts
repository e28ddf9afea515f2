import { type ApiKey, updateKey } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { lockLiveKey, saveKey } from '../keys/key-store.ts';
import { caller, requireHold } from '../rights.ts';

/** `PATCH /v1/orgs/:org/keys/:id` */
export function updateKeyRoute(app: HttpApp, changes: Changes): void {
  app.mount(updateKey, async ({ params: { org, id }, body, principal, req }) =>
    changes.make({ principal, req }, org, async (tx) => {
      const before = await lockLiveKey(tx, org, id);
      await requireHold(tx, caller(principal), before);
      const after: ApiKey = {
        ...before,
        name: body.name ?? before.name,
        cidrs: body.cidrs ?? before.cidrs,
        rate: body.rate === undefined ? before.rate : body.rate,
        expiresAt: body.expiresAt === undefined ? before.expiresAt : body.expiresAt,
      };
      await saveKey(tx, org, after);
      const audit = [{ action: 'key.update', target: id, detail: { before, after } }];
      return { result: after, audit, access: { keyId: id } };
    }),
  );
}
