import { Counter, followOrgs, Gauge, Histogram, LATENCY_BUCKETS, orgLabel, SIZE_BUCKETS } from '@governsai/service';
import type { RecordedOrg, RecordOutcome } from './recorder.ts';

const messages = new Counter({
  name: 'governsai_recording_messages_total',
  help: 'Submitted messages by what became of them: recorded, duplicate (stored before), conflict (its key is stored with another body), refused (by the database).',
  labelNames: ['outcome'] as const,
});

const batchSeconds = new Histogram({
  name: 'governsai_recording_batch_duration_seconds',
  help: 'Seconds to store one batch, its transaction included.',
  buckets: [...LATENCY_BUCKETS],
});

const batchDecisions = new Histogram({
  name: 'governsai_recording_batch_decisions',
  help: 'Decisions that one batch added to the chains.',
  buckets: [...SIZE_BUCKETS],
});

const decisions = new Counter({
  name: 'governsai_recording_decisions_total',
  help: 'Stored decisions, by direction and decision.',
  labelNames: ['direction', 'decision'] as const,
});

const delaySeconds = new Histogram({
  name: 'governsai_recording_delay_seconds',
  help: 'Seconds from the receipt of a decision by a gateway until it is stored.',
  buckets: [...LATENCY_BUCKETS],
});

const leftBehind = new Counter({
  name: 'governsai_publication_left_behind_total',
  help: 'Times that an org had decisions stored and not published, because a writer ended or failed in between.',
});

const verifications = new Counter({
  name: 'governsai_chain_verifications_total',
  help: 'Verifications of a stored chain by result: valid, broken.',
  labelNames: ['result'] as const,
});

const conditionErrors = new Counter({
  name: 'governsai_policy_condition_errors_total',
  help: 'Conditions of policies that failed for a decision and so matched nothing.',
});

// A counter that first appears with its first count would hide that count from a rate.
for (const outcome of ['recorded', 'duplicate', 'conflict', 'refused']) messages.inc({ outcome }, 0);
for (const result of ['valid', 'broken']) verifications.inc({ result }, 0);

const orgDecisions = new Counter({
  name: 'governsai_org_decisions_total',
  help: 'Stored decisions of an org. Only with METRICS_TOP_ORGS.',
  labelNames: ['org'] as const,
});

const orgChainLength = new Gauge({
  name: 'governsai_org_chain_length',
  help: "The last seq of an org's chain, as this replica wrote it. Only with METRICS_TOP_ORGS.",
  labelNames: ['org'] as const,
});

followOrgs((org) => {
  orgDecisions.remove({ org });
  orgChainLength.remove({ org });
});

/** Runs and times the storing of one batch. */
export async function timeRecording<T>(record: () => Promise<T>): Promise<T> {
  const end = batchSeconds.startTimer();
  try {
    return await record();
  } finally {
    end();
  }
}

/** Counts what became of a batch's messages. */
export function countRecording(outcome: RecordOutcome<unknown>): void {
  messages.inc({ outcome: 'recorded' }, outcome.recorded);
  messages.inc({ outcome: 'duplicate' }, outcome.duplicates);
  messages.inc({ outcome: 'conflict' }, outcome.conflicts.length);
  messages.inc({ outcome: 'refused' }, outcome.refused.length);
  batchDecisions.observe(outcome.orgs.reduce((sum, { links }) => sum + links.length, 0));
  for (const org of outcome.orgs) countOrg(org);
}

function countOrg({ orgId, lastSeq, links }: RecordedOrg): void {
  if (links.length === 0) return;
  // A counter is looked up by its labels each time, which costs more than to count.
  const outcomes = new Map<string, { labels: { direction: string; decision: string }; count: number }>();
  for (const { record } of links) {
    const { direction, decision } = record;
    const outcome = outcomes.get(`${direction} ${decision}`);
    if (outcome) outcome.count++;
    else outcomes.set(`${direction} ${decision}`, { labels: { direction, decision }, count: 1 });
    delaySeconds.observe(Math.max(0, Date.parse(record.recordedAt) - Date.parse(record.receivedAt)) / 1000);
  }
  for (const { labels, count } of outcomes.values()) decisions.inc(labels, count);
  const org = orgLabel(orgId, links.length);
  if (org === null) return;
  orgDecisions.inc({ org }, links.length);
  if (org === orgId) orgChainLength.set({ org }, lastSeq);
}

/** Counts orgs whose decisions had to be published later. */
export function countLeftBehind(orgs: number): void {
  leftBehind.inc(orgs);
}

/** Counts one verification of a stored chain. */
export function countVerification(valid: boolean): void {
  verifications.inc({ result: valid ? 'valid' : 'broken' });
}

/** Counts a condition of a policy that failed for a decision. */
export function countConditionError(): void {
  conditionErrors.inc();
}
