import type { Access } from '@governsai/access';
import { AppError, closeConnection } from '@governsai/contracts';
import { auditEvent, type HttpApp } from '@governsai/service';
import type { Peers } from '../connections/peers.ts';

/** `DELETE /v1/orgs/:org/connections/:id` */
export function closeConnectionRoute(app: HttpApp, peers: Peers, access: Pick<Access, 'report'>): void {
  app.mount(closeConnection, async ({ params: { org, id }, principal, req }) => {
    const { items, missing } = await peers.list(org, { id, after: null, limit: 1 });
    const [found] = items;
    if (!found) throw notFound(missing);
    const { replica, path, ip } = found;
    const entry = { orgId: org, action: 'connection.close', target: id };
    const detail = { ...found.principal, transport: found.transport, path, replica, clientIp: ip };
    // Auth keeps the audit log: while it cannot be told, nothing is closed that nobody would know of.
    await access.report([], [auditEvent({ principal, req }, { ...entry, detail }).value]);
    await peers.end(org, found);
    return undefined;
  });
}

function notFound(missing: readonly string[]): AppError {
  if (missing.length > 0) {
    return new AppError('UNAVAILABLE', `not every replica says what it has (${missing.join(', ')}): retry shortly`, {
      retryAfterMs: 1000,
    });
  }
  return new AppError('NOT_FOUND', 'there is no such connection of this org now: list them for those that are open');
}
