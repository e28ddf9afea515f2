import {
  type ChainRecord,
  type DecisionsRecorded,
  decisionViewOf,
  effectiveUserId,
  type Person,
} from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { Producer } from '@governsai/kafka';
import { type Context, decisionAttributes, NO_TRACE } from '@governsai/service';
import type { PublishedMarks } from './published-marks.ts';
import type { RecordedOrg } from './recorder.ts';

// Rows read at once when what is to be published is not in memory.
const PAGE = 500;

/** The context to continue for a decision, by its id. */
type TraceOf = (decisionId: string) => Context;

/** What of a stored decision goes to `decisions.recorded`. */
function recordedEvent(record: ChainRecord, hash: string, person: Person | null): DecisionsRecorded {
  return {
    seq: record.seq,
    decision: decisionViewOf(record, hash),
    userId: effectiveUserId(person),
    keyId: record.keyId ?? null,
    usage: (record.usage as DecisionsRecorded['usage']) ?? null,
    receivedAt: record.receivedAt,
    recordedAt: record.recordedAt,
  };
}

/**
 * Publishes stored decisions from the mark to the head, in order, one publication an org at a time, and moves the mark. The
 * table is the outbox: a crash before the mark was saved costs a repeat, which readers drop by seq, never a hole (G4).
 */
export class Publisher {
  // The publication under way of each org; the next one of that org waits for it.
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly db: Database,
    private readonly producer: Producer,
    private readonly marks: PublishedMarks,
  ) {}

  /**
   * Resolves when Kafka has confirmed everything up to each org's `lastSeq`. Each decision continues the trace that `traceOf`
   * gives for its id; of one that was stored earlier nobody knows any more.
   */
  async publish(orgs: readonly RecordedOrg[], traceOf: TraceOf = () => NO_TRACE): Promise<void> {
    await Promise.all(orgs.map((org) => this.inTurn(org.orgId, () => this.publishOrg(org, traceOf))));
  }

  private async publishOrg(org: RecordedOrg, traceOf: TraceOf): Promise<void> {
    let from = this.marks.of(org.orgId, org.publishedSeq) + 1;
    if (from > org.lastSeq) return;
    const inMemory = org.links[0]?.record.seq ?? org.lastSeq + 1;
    while (from < inMemory) {
      const events = await this.storedEvents(org.orgId, from, Math.min(inMemory - 1, org.lastSeq));
      await this.send(org.orgId, events, traceOf);
      from += events.length;
    }
    const links = org.links.filter((link) => link.record.seq >= from);
    await this.send(
      org.orgId,
      links.map((link) => recordedEvent(link.record, link.hash, link.person)),
      traceOf,
    );
    this.marks.move(org.orgId, org.publishedSeq, org.lastSeq);
  }

  private async send(orgId: string, events: readonly DecisionsRecorded[], traceOf: TraceOf): Promise<void> {
    if (events.length === 0) return;
    await this.producer.sendAll(
      'decisions.recorded',
      events.map((event) => ({
        key: orgId,
        value: { json: JSON.stringify(event) },
        trace: { parent: traceOf(event.decision.id), attributes: () => attributesOf(event) },
      })),
    );
  }

  private async storedEvents(orgId: string, from: number, to: number): Promise<DecisionsRecorded[]> {
    const rows = await this.db.transaction([orgId], (tx) =>
      tx.query<{ record: string; hash: string; person: Person | null }>(
        `SELECT record, hash, person FROM decisions WHERE org_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq LIMIT ${PAGE}`,
        [orgId, from, to],
      ),
    );
    if (rows.length === 0)
      throw new Error(`org ${orgId}: decisions ${from} to ${to} are not stored, though the head says so`);
    return rows.map((row) => recordedEvent(JSON.parse(row.record) as ChainRecord, row.hash, row.person));
  }

  private async inTurn(orgId: string, publication: () => Promise<void>): Promise<void> {
    const before = this.underWay.get(orgId) ?? Promise.resolve();
    // The outcome of the one before is its own caller's matter.
    const mine = before.catch(() => {}).then(publication);
    this.underWay.set(orgId, mine);
    try {
      await mine;
    } finally {
      if (this.underWay.get(orgId) === mine) this.underWay.delete(orgId);
    }
  }
}

function attributesOf({ seq, decision }: DecisionsRecorded) {
  return decisionAttributes({ orgId: decision.orgId, id: decision.id, seq });
}
