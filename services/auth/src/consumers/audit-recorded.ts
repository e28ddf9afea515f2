import type { AuditRecorded } from '@governsai/contracts';
import { type Database, isDataError } from '@governsai/db';
import { type ConsumedBatch, PoisonError } from '@governsai/kafka';
import { type AuditHead, type Chained, faultOf, nextLink } from '../audit/chain.ts';
import { insertRecords, knownRecords, lockAuditHeads, moveAuditHeads } from '../audit/store.ts';

/** Stores the audit records of a batch, each org's as the next links of its chain, in one transaction. */
export function auditRecordedConsumer(db: Database, now: () => Date = () => new Date()) {
  return async ({ messages, deadLetter }: ConsumedBatch<'audit.recorded'>): Promise<void> => {
    const sound: AuditRecorded[] = [];
    for (const message of messages) {
      const fault = faultOf(message.value);
      if (fault) await deadLetter(message, fault, new Error(fault));
      else sound.push(message.value);
    }
    if (sound.length === 0) return;
    const orgIds = [...new Set(sound.map((record) => record.orgId))].sort();
    const recordedAt = now().toISOString();
    try {
      await db.transaction(orgIds, async (tx) => {
        const heads = await lockAuditHeads(tx, orgIds);
        const known = await knownRecords(
          tx,
          sound.map((record) => record.orgId),
          sound.map((record) => record.id),
        );
        const chained: Chained[] = [];
        for (const record of sound) {
          const id = `${record.orgId} ${record.id}`;
          // By id, so that a message that comes twice is stored once.
          if (known.has(id)) continue;
          known.add(id);
          const link = nextLink(record, heads.get(record.orgId) as AuditHead, recordedAt);
          heads.set(record.orgId, { lastSeq: link.link.seq, headHash: link.hash });
          chained.push(link);
        }
        await insertRecords(tx, chained);
        if (chained.length > 0) await moveAuditHeads(tx, heads);
      });
    } catch (error) {
      if (isDataError(error)) throw new PoisonError('refused by the database', { cause: error });
      throw error;
    }
  };
}
