import { getChain } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { chainBounds, lastCheckpoint } from '../proof/chain-store.ts';

/** `GET /v1/orgs/:org/chain`. */
export function getChainRoute(app: HttpApp, db: Database): void {
  app.mount(getChain, ({ params: { org } }) =>
    db.transaction([org], async (tx) => {
      const { before, head } = await chainBounds(tx, org);
      const length = head.seq - before.seq;
      return {
        length,
        head: head.hash,
        firstSeq: length > 0 ? before.seq + 1 : null,
        lastSeq: head.seq > 0 ? head.seq : null,
        checkpoint: await lastCheckpoint(tx, org),
      };
    }),
  );
}
