import { listConnections } from '@governsai/contracts';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import type { Peers } from '../connections/peers.ts';
import { comparePlaces, placeOf } from '../connections/roster.ts';

/** `GET /v1/orgs/:org/connections` */
export function listConnectionsRoute(app: HttpApp, peers: Peers): void {
  app.mount(listConnections, async ({ params: { org }, query: { cursor, limit } }) => {
    const after = decodeCursor(cursor, 'number', 'string');
    const { items, missing } = await peers.list(org, { after, limit: limit + 1 });
    items.sort((a, b) => comparePlaces(placeOf(a), placeOf(b)));
    return { ...pageOf(items, limit, placeOf, (item) => item), missing };
  });
}
