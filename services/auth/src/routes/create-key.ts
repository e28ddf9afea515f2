import { randomBytes } from 'node:crypto';
import { newApiKey } from '@governsai/access';
import { AppError, createKey } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { countKeys, insertKey, readKey } from '../keys/key-store.ts';
import { caller, requireHold, roleOf } from '../rights.ts';

/** Keys of one org that are not revoked, at most. */
const MAX_KEYS = 10_000;

/** `POST /v1/orgs/:org/keys` */
export function createKeyRoute(app: HttpApp, changes: Changes): void {
  app.mount(createKey, async ({ params: { org }, body, principal, req }) => {
    const by = caller(principal);
    const { secret, hash, prefix } = newApiKey();
    const id = `key_${randomBytes(12).toString('hex')}`;
    const made = await changes.make({ principal, req }, org, async (tx) => {
      const userId = body.userId ?? null;
      await requireHold(tx, by, { userId, scopes: body.scopes });
      if (userId !== null && (await roleOf(tx, org, userId)) === null) {
        throw new AppError('VALIDATION_FAILED', `userId: ${userId} is no member of ${org}: invite that person first`, {
          path: 'userId',
        });
      }
      if ((await countKeys(tx, org)) >= MAX_KEYS) {
        throw new AppError(
          'CONFLICT',
          `org ${org} has ${MAX_KEYS} keys, the most it may have: revoke those not in use`,
        );
      }
      await insertKey(tx, {
        id,
        orgId: org,
        userId,
        name: body.name,
        prefix,
        keyHash: hash,
        scopes: body.scopes,
        cidrs: body.cidrs,
        rate: body.rate ?? null,
        expiresAt: body.expiresAt ?? null,
        createdBy: by.userId ?? by.keyId,
        createdAt: new Date().toISOString(),
      });
      const after = await readKey(tx, org, id);
      return { result: after, audit: [{ action: 'key.create', target: id, detail: { before: null, after } }] };
    });
    return { ...made, key: secret };
  });
}
