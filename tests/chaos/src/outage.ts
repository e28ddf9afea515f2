import type { Try } from './producer.ts';

/** A server that was away on purpose. */
export interface Outage {
  server: 'kafka' | 'postgres';
  /** When its process had ended, and when it was asked to start again; milliseconds since the epoch. */
  from: number;
  to: number;
}

/** Without Kafka every request is answered by a retryable error within this. */
const ANSWER_MS = 5_000;
/** Without PostgreSQL no sender waits longer than this for its next ACK. */
const ACK_PAUSE_MS = 5_000;

/** What was answered wrongly while a server was away, in words (G8); empty is right. */
export function outageFaults(outage: Outage, tries: readonly Try[]): string[] {
  return outage.server === 'kafka' ? withoutKafka(outage, tries) : withoutPostgres(outage, tries);
}

/** No ACK, and a retryable error in bounded time for each request. */
function withoutKafka({ from, to }: Outage, tries: readonly Try[]): string[] {
  const faults: string[] = [];
  for (const [transport, all] of byTransport(tries)) {
    const sent = all.filter((one) => one.sentAt >= from && one.sentAt < to);
    // A key that was confirmed before may be ACKed again: it is kept.
    const acked = sent.filter(
      ({ firstSentAt, answeredAt, outcome }) => outcome.kind === 'acked' && firstSentAt >= from && answeredAt < to,
    );
    if (acked.length > 0) faults.push(`${transport}: ${acked.length} ACKs without Kafka`);
    // Those sent shortly before its return may have waited for it.
    const asked = sent.filter(({ sentAt, outcome }) => sentAt < to - ANSWER_MS && outcome.kind !== 'acked');
    const silent = asked.filter(({ outcome }) => outcome.kind !== 'refused' || !outcome.retryable);
    if (asked.length === 0) faults.push(`${transport}: nothing was refused while Kafka was away`);
    if (silent.length > 0) faults.push(`${transport}: ${silent.length} of ${asked.length} got no retryable error`);
    const slowest = Math.max(0, ...asked.map(({ sentAt, answeredAt }) => answeredAt - sentAt));
    if (slowest > ANSWER_MS) faults.push(`${transport}: an answer without Kafka took ${slowest} ms`);
  }
  return faults;
}

/** ACKs all the time. */
function withoutPostgres({ from, to }: Outage, tries: readonly Try[]): string[] {
  const faults: string[] = [];
  for (const [transport, all] of byTransport(tries)) {
    const times = all
      .filter(({ answeredAt, outcome }) => outcome.kind === 'acked' && answeredAt >= from && answeredAt < to)
      .map(({ answeredAt }) => answeredAt)
      .sort((a, b) => a - b);
    const edges = [from, ...times, to];
    const longest = Math.max(...edges.slice(1).map((at, i) => at - (edges[i] as number)));
    if (longest > ACK_PAUSE_MS) faults.push(`${transport}: no ACK for ${longest} ms without PostgreSQL`);
    const lost = all.filter(
      ({ sentAt, outcome }) => sentAt >= from && sentAt < to && outcome.kind === 'refused' && !outcome.retryable,
    );
    if (lost.length > 0) faults.push(`${transport}: ${lost.length} answers that do not ask to try again`);
  }
  return faults;
}

function byTransport(tries: readonly Try[]): Map<string, Try[]> {
  const groups = new Map<string, Try[]>();
  for (const one of tries) {
    const group = groups.get(one.transport);
    if (group) group.push(one);
    else groups.set(one.transport, [one]);
  }
  return groups;
}
