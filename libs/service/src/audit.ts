import { randomUUID } from 'node:crypto';
import type { AuditRecorded, Principal } from '@governsai/contracts';

/** What was done, for the audit log. Never a secret. */
export interface AuditEntry {
  orgId: string;
  /** Dotted: `policy.create`. */
  action: string;
  target: string | null;
  result?: AuditRecorded['result'];
  detail?: Record<string, unknown>;
}

/** Who asked, as a route's handler knows it. */
export interface AuditSource {
  principal: Principal | null;
  req: { ip?: string | undefined };
}

/** The `audit.recorded` event of something a caller did just now, ready for the outbox of the transaction that does it. */
export function auditEvent(
  source: AuditSource,
  entry: AuditEntry,
): { topic: 'audit.recorded'; key: string; value: AuditRecorded } {
  const { principal, req } = source;
  const value: AuditRecorded = {
    id: randomUUID(),
    orgId: entry.orgId,
    actor: { userId: principal?.userId ?? null, keyId: principal?.keyId ?? null, service: null },
    action: entry.action,
    target: entry.target,
    result: entry.result ?? 'ok',
    ip: req.ip ?? null,
    detail: entry.detail ?? {},
    at: new Date().toISOString(),
  };
  return { topic: 'audit.recorded', key: entry.orgId, value };
}
