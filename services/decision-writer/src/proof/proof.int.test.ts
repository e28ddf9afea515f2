import { generateKeyPairSync } from 'node:crypto';
import { register } from '@governsai/service';
import { publicKeyOf, readPublicKey, resultOf, verifyChain } from '@governsai/verifier';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signCheckpoints } from './checkpoints.ts';
import { erasePersonOf } from './erasure.ts';
import { exportLines, exportRange } from './export.ts';
import { pruneDecisions } from './retention.ts';
import { createProofBench, type ProofBench } from './testing.ts';
import { verifyStoredChain } from './verification.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const trusted = readPublicKey(publicKeyOf(privateKey).publicKey);

let proof: ProofBench;

beforeAll(async () => {
  proof = await createProofBench();
});

beforeEach(() => register.clear());

afterAll(() => proof?.drop());

const orgWith = (count: number) => proof.orgWith(count);
const append = (orgId: string, from: number, count: number) => proof.append(orgId, from, count);

async function verify(orgId: string) {
  const verification = verifyStoredChain(proof.db, orgId);
  for (;;) {
    const step = await verification.next();
    if (step.done) return step.value;
  }
}

async function exported(orgId: string, afterSeq = 0): Promise<string> {
  let text = '';
  for await (const chunk of exportLines(proof.db, orgId, await exportRange(proof.db, orgId, afterSeq))) text += chunk;
  return text;
}

const verifyExport = (text: string) => resultOf(verifyChain(linesOf(text), { keys: [trusted] }));

async function* linesOf(text: string): AsyncGenerator<string> {
  for (const line of text.split(/(?<=\n)/)) yield line;
}

const sign = () => signCheckpoints(proof.db, privateKey, () => new Date());

/** As an attacker with the owner's rights does it. */
const tamper = (sql: string, values: unknown[] = []) => proof.admin.system.execute(sql, values);

describe('the proof of an org’s chain', () => {
  it('G3: verifies a chain of several pages, and while it grows', async () => {
    const org = await orgWith(2500);
    const verification = verifyStoredChain(proof.db, org);
    const first = verification.next();
    await append(org, 2501, 10);
    await first;
    expect(await verify(org)).toEqual({ valid: true, checked: 2510 });
  });

  it('G3: an export verifies without the database, signed checkpoint included, and resumes after any seq', async () => {
    const org = await orgWith(30);
    await sign();
    await append(org, 31, 5);
    const result = await verifyExport(await exported(org));
    expect(result).toMatchObject({ valid: true, checked: 35, firstSeq: 1, lastSeq: 35, vouchedTo: 30 });
    const part = await resultOf(verifyChain(linesOf(await exported(org, 12))));
    expect(part).toMatchObject({ valid: true, checked: 23, firstSeq: 13, lastSeq: 35 });
  });

  it('finds a deleted row, a person put in place of another, and a forged chain behind a checkpoint', async () => {
    const org = await orgWith(10);
    await sign();
    await tamper(`UPDATE decisions SET person = '{"userId":"somebody-else"}' WHERE org_id = $1 AND seq = 4`, [org]);
    expect(await verify(org)).toMatchObject({ valid: false, firstBroken: { seq: 4, kind: 'altered' } });
    const gone = await orgWith(10);
    await tamper('DELETE FROM decisions WHERE org_id = $1 AND seq = 7', [gone]);
    expect(await verify(gone)).toMatchObject({ valid: false, firstBroken: { seq: 7, kind: 'missing' } });
    const forged = await orgWith(10);
    await sign();
    // A whole other chain, consistent in itself, in place of the one that was signed.
    await tamper('DELETE FROM decisions WHERE org_id = $1', [forged]);
    await tamper(`UPDATE org_chains SET last_seq = 0, head_hash = repeat('0', 64) WHERE org_id = $1`, [forged]);
    await append(forged, 1, 10);
    expect(await verify(forged)).toMatchObject({ valid: false, firstBroken: { seq: 10, kind: 'checkpoint' } });
    expect(await verifyExport(await exported(forged))).toMatchObject({ valid: false });
  });

  it('G12: erasing a person leaves the chain and its export whole', async () => {
    const org = await orgWith(12);
    const erased = await erasePersonOf(proof.db, org, 'user-5', async () => {});
    expect(erased).toBe(1);
    // The hash of the whole body would let a guess be tested; without it a repeat is a duplicate all the same.
    const hashes = await proof.admin.system.query('SELECT body_hash FROM decisions WHERE org_id = $1 AND seq = 5', [
      org,
    ]);
    expect(hashes).toEqual([{ body_hash: '' }]);
    expect(await append(org, 5, 1)).toMatchObject({ recorded: 0, duplicates: 1, conflicts: [] });
    const text = await exported(org);
    expect(text).not.toContain('user-5"');
    expect(await verify(org)).toEqual({ valid: true, checked: 12 });
    expect(await resultOf(verifyChain(linesOf(text)))).toMatchObject({ valid: true, erased: 1 });
  });

  it('retention prunes what is old, published, counted and vouched for; the rest verifies and repeats stay duplicates', async () => {
    const org = await orgWith(10);
    await tamper('UPDATE organizations SET retention_days = 1 WHERE id = $1', [org]);
    await tamper(`UPDATE decisions SET recorded_at = recorded_at - interval '3 days' WHERE org_id = $1 AND seq <= 8`, [
      org,
    ]);
    expect(await pruneDecisions(proof.db)).toBe(0);
    await tamper('UPDATE org_chains SET published_seq = 10 WHERE org_id = $1', [org]);
    await tamper('INSERT INTO tracker_cursors (org_id, seq) VALUES ($1, 6)', [org]);
    expect(await pruneDecisions(proof.db)).toBe(0);
    await sign();
    // What the budgets have given up may be redriven yet: a redrive reads the decision.
    await tamper('INSERT INTO tracker_skipped (org_id, seq) VALUES ($1, 5)', [org]);
    expect(await pruneDecisions(proof.db)).toBe(4);
    await tamper('DELETE FROM tracker_skipped WHERE org_id = $1', [org]);
    expect(await pruneDecisions(proof.db)).toBe(2);
    expect(await pruneDecisions(proof.db)).toBe(0);
    const again = await append(org, 3, 2);
    expect(again).toMatchObject({ recorded: 0, duplicates: 2 });
    await tamper(`UPDATE decisions SET recorded_at = recorded_at + interval '3 days' WHERE org_id = $1 AND seq <= 8`, [
      org,
    ]);
    expect(await verify(org)).toEqual({ valid: true, checked: 4 });
    expect(await verifyExport(await exported(org))).toMatchObject({
      valid: true,
      firstSeq: 7,
      lastSeq: 10,
      vouchedTo: 10,
    });
    await expect(exportRange(proof.db, org, 3)).rejects.toMatchObject({ code: 'RESUME_GAP', firstSeq: 7 });
  });
});
