import { createHash } from 'node:crypto';
import type { PolicyEffect } from '@governsai/contracts';
import { membersWithRoles, outboxAppend, type Sql, storeNotifications, type WantedNotification } from '@governsai/db';
import type { ChainLink } from '../chain.ts';

/** Outcomes that let the call go ahead. */
const PERMITTING: ReadonlySet<string> = new Set(['allow', 'transform', 'redact']);
/** What such an outcome contradicts. */
const FORBIDDING: ReadonlySet<PolicyEffect> = new Set(['deny', 'confirm']);
const TOLD_ROLES = ['owner', 'admin'] as const;

/** A rule that was contradicted, and by which decision first. */
interface Contradiction {
  orgId: string;
  rule: string;
  effect: PolicyEffect;
  first: ChainLink;
  count: number;
}

/**
 * Tells owners and admins of decisions that let a call go which a policy denies or wants confirmed: once a rule and hour,
 * because a wrong client makes the same mistake at every call. Part of the transaction that records the decisions.
 * True when something waits in the outbox.
 */
export async function raiseContradictions(tx: Sql, links: readonly ChainLink[], recordedAt: string): Promise<boolean> {
  const contradictions = findContradictions(links);
  if (contradictions.length === 0) return false;
  const orgIds = [...new Set(contradictions.map((found) => found.orgId))].sort();
  const members = await membersWithRoles(tx, orgIds, TOLD_ROLES);
  const wanted = contradictions.flatMap((found) =>
    (members.get(found.orgId) ?? []).map((userId) => notificationOf(found, userId, recordedAt)),
  );
  const raised = await storeNotifications(tx, wanted, recordedAt);
  await outboxAppend(
    tx,
    'decision-writer',
    raised.map((value) => ({ topic: 'notifications.raised', key: value.orgId, value })),
  );
  return raised.length > 0;
}

/** The contradictions among newly recorded decisions, one a rule. */
function findContradictions(links: readonly ChainLink[]): Contradiction[] {
  const found = new Map<string, Contradiction>();
  for (const link of links) {
    const { orgId, decision, policy } = link.record;
    if (!policy || !FORBIDDING.has(policy.effect) || !PERMITTING.has(decision)) continue;
    const rule = policy.matched.join(', ');
    const key = `${orgId}\n${rule}`;
    const known = found.get(key);
    if (known) known.count++;
    else found.set(key, { orgId, rule, effect: policy.effect, first: link, count: 1 });
  }
  return [...found.values()];
}

function notificationOf(found: Contradiction, userId: string, recordedAt: string): WantedNotification {
  const { orgId, rule, effect, first, count } = found;
  const hour = recordedAt.slice(0, 13);
  const id = `not_${createHash('sha256').update([orgId, userId, rule, effect, hour].join('\n')).digest('hex').slice(0, 32)}`;
  const should = effect === 'deny' ? 'denies it' : 'wants it confirmed';
  return {
    orgId,
    userId,
    id,
    kind: 'policy.contradiction',
    severity: effect === 'deny' ? 'critical' : 'warning',
    title: `A call was let go although a policy ${should}`,
    body: `Decision ${first.record.id} (${first.record.tool ?? 'no tool'}) was "${first.record.decision}"; ${rule} ${should}. Told once an hour.`,
    data: { decisionId: first.record.id, seq: first.record.seq, rule, effect, count },
  };
}
