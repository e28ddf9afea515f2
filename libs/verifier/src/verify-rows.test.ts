import { describe, expect, it } from '@jest/globals';
import { GENESIS_HASH } from './hash.ts';
import { type DecisionRow, verifyLink } from './link.ts';
import { forgeRow, type SampleRow, sampleRows } from './testing/sample-export.ts';
import { resultOf } from './verify-chain.ts';
import { type RowsResult, verifyRows } from './verify-rows.ts';

const BEGIN = { seq: 0, hash: GENESIS_HASH };
const bodyHash = 'b'.repeat(64);
const rows = sampleRows([
  { members: { tool: 'web.fetch', tags: ['a', 'b'], correlationId: 'c' }, bodyHash },
  { person: { userId: 'u', keyUserId: 'k' }, bodyHash },
  {},
  {},
  {},
]).map(asStored);
const head = { seq: 5, hash: rows[4]!.hash };

/** A row with the columns that the writer would have stored beside it. */
function asStored(row: SampleRow): DecisionRow {
  const fields = JSON.parse(row.record) as DecisionRow;
  const { orgId, seq, id, direction, decision, ts, recordedAt, prevHash } = fields;
  const columns = { orgId, seq, id, direction, decision, ts, recordedAt, prevHash };
  const optional = { tool: fields.tool ?? null, correlationId: fields.correlationId ?? null, tags: fields.tags ?? [] };
  return { ...row, ...columns, ...optional, bodyHash };
}

async function* each(list: readonly DecisionRow[]): AsyncGenerator<DecisionRow, void, void> {
  yield* list;
}

function verify(list: readonly DecisionRow[], after = BEGIN, end = head): Promise<RowsResult> {
  return resultOf(verifyRows(each(list), { after, head: end }));
}

describe('rows of the table', () => {
  it('a whole chain is valid, and so is the rest of a pruned one', async () => {
    expect(await verify(rows)).toEqual({ valid: true, checked: 5, firstSeq: 1, lastSeq: 5, head: head.hash });
    const after = { seq: 2, hash: rows[1]!.hash };
    expect(await verify(rows.slice(2), after)).toMatchObject({ valid: true, checked: 3, firstSeq: 3 });
    expect(await verify([], BEGIN, BEGIN)).toMatchObject({ valid: true, checked: 0, firstSeq: null, lastSeq: null });
  });

  it('G12: an erased person leaves it valid, a changed one does not', async () => {
    const erased = { ...rows[1]!, person: null, personSalt: null, bodyHash: '' };
    expect(await verify(rows.with(1, erased))).toMatchObject({ valid: true });
    for (const change of [
      { person: { userId: 'v' } },
      { personSalt: '0'.repeat(32) },
      { person: null },
      { personSalt: null },
      // What somebody leaves who does not know all that erasing takes away.
      { person: null, personSalt: null },
      { bodyHash: '' },
      { bodyHash: 'c'.repeat(64) },
    ]) {
      const { firstBroken } = await verify(rows.with(1, { ...rows[1]!, ...change }));
      expect(firstBroken).toMatchObject({ seq: 2, kind: 'altered' });
    }
    const invented = { ...rows[2]!, person: { userId: 'u' }, personSalt: '0'.repeat(32) };
    expect((await verify(rows.with(2, invented))).firstBroken).toMatchObject({ seq: 3, kind: 'altered' });
  });

  it.each([
    ['orgId', 'globex'],
    ['id', 'dec_0'],
    ['direction', 'postcheck'],
    ['decision', 'deny'],
    ['tool', null],
    ['correlationId', 'd'],
    ['tags', ['a']],
    ['ts', '2026-01-01T00:00:00.001Z'],
    ['recordedAt', '2025-01-01T00:00:00.000Z'],
    ['prevHash', 'f'.repeat(64)],
    ['bodyHash', 'f'.repeat(64)],
    ['bodyHash', ''],
    ['hash', 'f'.repeat(64)],
    ['record', '{}'],
  ])('a changed column %s is found', async (column, value) => {
    const { firstBroken } = await verify(rows.with(0, { ...rows[0]!, [column]: value }));
    expect(firstBroken).toMatchObject({ seq: 1, kind: 'altered' });
  });

  it('a missing row is named, also the last one', async () => {
    expect((await verify(rows.toSpliced(2, 1))).firstBroken).toMatchObject({ seq: 3, kind: 'missing' });
    expect((await verify(rows.slice(0, 4))).firstBroken).toMatchObject({ seq: 5, kind: 'missing' });
    expect((await verify([...rows].slice(1))).firstBroken).toMatchObject({ seq: 1, kind: 'missing' });
  });

  it('a row altered and hashed anew is named, wherever it stands', async () => {
    for (const [index, row] of rows.entries()) {
      const forged = asStored(forgeRow(row as unknown as SampleRow, { decision: 'deny' }));
      const { firstBroken, checked } = await verify(rows.with(index, forged));
      expect(firstBroken).toMatchObject({ seq: index + 1, kind: 'altered' });
      expect(checked).toBeLessThanOrEqual(index + 1);
    }
  });

  it('rows behind the head are found', async () => {
    const { firstBroken } = await verify(rows, BEGIN, { seq: 3, hash: rows[2]!.hash });
    expect(firstBroken).toMatchObject({ seq: 4, kind: 'inserted' });
  });

  it('one link is checked by itself', () => {
    expect(verifyLink(BEGIN, rows[0]!)).toBeNull();
    expect(verifyLink({ seq: 1, hash: 'f'.repeat(64) }, rows[1]!)).toMatchObject({ kind: 'altered', breaks: 'link' });
    expect(verifyLink({ seq: 2, hash: rows[1]!.hash }, rows[1]!)).toMatchObject({ kind: 'inserted' });
  });

  it('tells how far it is', async () => {
    const told: number[] = [];
    await resultOf(verifyRows(each(rows), { after: BEGIN, head, progressEvery: 2 }), ({ seq }) => told.push(seq));
    expect(told).toEqual([2, 4]);
  });
});
