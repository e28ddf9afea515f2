import { GENESIS_HASH, type verifyAudit } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { z } from 'zod';
import { inOrg } from '../reachable.ts';
import { type AuditHead, faultOfStored } from './chain.ts';
import { type AuditChain, readAuditChain, readLinks } from './store.ts';

export type AuditVerification = z.input<typeof verifyAudit.response>;

const PAGE = 500;

/** Reads an org's audit chain as it is stored and checks every hash, link and column; in pages, so that memory is bounded. */
export async function verifyAuditChain(db: Database, orgId: string): Promise<AuditVerification> {
  for (;;) {
    const chain = await inOrg(db, orgId, (tx) => readAuditChain(tx, orgId));
    if (!chain) return { valid: true, checked: 0, firstSeq: 1, head: GENESIS_HASH };
    const found = await verifyFrom(db, orgId, chain);
    if (found.valid) return found;
    const after = await inOrg(db, orgId, (tx) => readAuditChain(tx, orgId));
    // What is missing was pruned meanwhile: look again.
    if (after?.firstSeq === chain.firstSeq) return found;
  }
}

async function verifyFrom(db: Database, orgId: string, chain: AuditChain): Promise<AuditVerification> {
  const { firstSeq, lastSeq } = chain;
  let head: AuditHead = { lastSeq: firstSeq - 1, headHash: chain.firstPrevHash };
  let checked = 0;
  const broken = (seq: number, message: string): AuditVerification => {
    return { valid: false, checked, firstSeq, head: chain.headHash, firstBroken: { seq, message } };
  };
  for (;;) {
    const after = head.lastSeq;
    const page = await inOrg(db, orgId, (tx) => readLinks(tx, orgId, after, lastSeq, PAGE));
    for (const stored of page) {
      const fault = faultOfStored(stored, head);
      if (fault) return broken(Math.min(stored.seq, head.lastSeq + 1), fault);
      head = { lastSeq: stored.seq, headHash: stored.hash };
      checked++;
    }
    if (page.length < PAGE) break;
  }
  if (head.lastSeq !== lastSeq) return broken(head.lastSeq + 1, `record ${head.lastSeq + 1} is missing`);
  if (head.headHash !== chain.headHash) return broken(lastSeq, 'the chain does not end where it says');
  return { valid: true, checked, firstSeq, head: chain.headHash };
}
