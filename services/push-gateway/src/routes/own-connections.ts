import { endConnection, readConnections } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Roster } from '../connections/roster.ts';

/** `POST /internal/connections` and `/internal/connections/end`: what this replica alone holds, for the one that was asked. */
export function ownConnectionsRoutes(app: HttpApp, roster: Roster): void {
  app.mount(readConnections, async ({ body: { orgId, ...query } }) => ({ items: roster.list(orgId, query) }));
  app.mount(endConnection, async ({ body: { orgId, id } }) => {
    roster.end(orgId, id);
    return undefined;
  });
}
