import { newApiKey } from '@governsai/access';
import { rotateKey } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { lockLiveKey, readKey, replaceSecret } from '../keys/key-store.ts';
import { caller, requireHold } from '../rights.ts';
import { endTicketsOfSecret } from '../sessions/ticket-store.ts';

/** `POST /v1/orgs/:org/keys/:id/rotate` */
export function rotateKeyRoute(app: HttpApp, changes: Changes): void {
  app.mount(rotateKey, async ({ params: { org, id }, body: { overlapSeconds }, principal, req }) => {
    const { secret, hash, prefix } = newApiKey();
    const rotated = await changes.make({ principal, req }, org, async (tx) => {
      const before = await lockLiveKey(tx, org, id);
      await requireHold(tx, caller(principal), before);
      const started = Date.now();
      const now = new Date(started).toISOString();
      const overlapEnds = overlapSeconds === 0 ? null : new Date(started + overlapSeconds * 1000).toISOString();
      await endTicketsOfSecret(tx, org, id, now, overlapEnds ?? now);
      await replaceSecret(tx, org, id, { hash, prefix }, now, overlapEnds);
      const after = await readKey(tx, org, id);
      const audit = [{ action: 'key.rotate', target: id, detail: { before, after } }];
      return { result: after, audit, access: { keyId: id } };
    });
    return { ...rotated, key: secret };
  });
}
