import type { Access } from '@governsai/access';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import type { Peers } from './connections/peers.ts';
import type { Roster } from './connections/roster.ts';
import type { EventStreams } from './event-streams/event-streams.ts';
import { closeConnectionRoute } from './routes/close-connection.ts';
import { listConnectionsRoute } from './routes/list-connections.ts';
import { listNotificationsRoute } from './routes/list-notifications.ts';
import { ownConnectionsRoutes } from './routes/own-connections.ts';
import { readNotificationsRoute } from './routes/read-notifications.ts';
import { streamDecisionsRoute } from './routes/stream-decisions.ts';

export interface RouteParts {
  access: Pick<Access, 'report'>;
  db: Database;
  peers: Peers;
  roster: Roster;
  streams: EventStreams;
}

/** Mounts every route of this service. */
export function mountRoutes(app: HttpApp, { access, db, peers, roster, streams }: RouteParts): void {
  streamDecisionsRoute(app, streams);
  listConnectionsRoute(app, peers);
  closeConnectionRoute(app, peers, access);
  ownConnectionsRoutes(app, roster);
  listNotificationsRoute(app, db);
  readNotificationsRoute(app, db);
}
