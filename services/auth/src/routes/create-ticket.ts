import { newOrgSecret } from '@governsai/access';
import { createTicket } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { reachable } from '../reachable.ts';
import { caller } from '../rights.ts';
import type { TicketStore } from '../sessions/ticket-store.ts';

/** `POST /v1/auth/tickets` */
export function createTicketRoute(app: HttpApp, tickets: TicketStore): void {
  app.mount(createTicket, async ({ principal }) => {
    const by = caller(principal);
    const { secret, hash } = newOrgSecret('gat_', by.orgId);
    return { ticket: secret, expiresAt: await reachable(() => tickets.add(hash, by, new Date())) };
  });
}
