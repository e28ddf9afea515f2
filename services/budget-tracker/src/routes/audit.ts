import type { Principal } from '@governsai/contracts';
import { outboxAppend, type Sql } from '@governsai/db';
import { type AuditEntry, type AuditSource, auditEvent, traceHeaders } from '@governsai/service';
import { OUTBOX } from '../outbox.ts';

/** Appends what a caller does to the audit log, in the transaction that does it. */
export async function audit(tx: Sql, source: AuditSource, entry: AuditEntry): Promise<void> {
  await outboxAppend(tx, OUTBOX, [{ ...auditEvent(source, entry), headers: traceHeaders() }]);
}

/** What a change is recorded as made by: the user, else the key. */
export function callerId(principal: Principal | null): string | null {
  return principal?.userId ?? principal?.keyId ?? null;
}
