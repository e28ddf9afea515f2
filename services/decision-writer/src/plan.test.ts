import { canonicalJson, GENESIS_HASH } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ChainHead, personHash, type SubmittedDecision, sha256 } from './chain.ts';
import { idKey, planBatch, type SubmittedEvent } from './plan.ts';

const RECORDED_AT = '2026-01-01T00:00:01.000Z';

function submitted(orgId: string, n: number, body = 'a'): SubmittedDecision {
  return {
    orgId,
    decisionId: `dec_${n.toString(16).padStart(32, '0')}`,
    idempotencyKey: `key-${n}`,
    bodyHash: sha256(body),
    schema: 'decision.v1',
    data: { direction: 'precheck', decision: 'allow', tool: 'web.fetch', userId: 'user-1' },
    keyId: 'key-id',
    userId: null,
    receivedAt: '2026-01-01T00:00:00.000Z',
  };
}

const genesis = (): ChainHead => ({ lastSeq: 0, headHash: GENESIS_HASH });
const plan = (items: SubmittedDecision[], heads: [string, ChainHead][], known: [string, string][] = []) =>
  planBatch(
    items.map((value) => ({ value })),
    new Map(heads),
    new Map(known),
    { recordedAt: RECORDED_AT },
  );

describe('planBatch', () => {
  it('G3: gives each org seq 1, 2, 3 … and links every record to the one before', () => {
    const { links, heads } = plan(
      [submitted('acme', 1), submitted('globex', 1), submitted('acme', 2)],
      [
        ['acme', genesis()],
        ['globex', { lastSeq: 7, headHash: sha256('seven') }],
      ],
    );
    const [first, other, second] = links;
    expect(links.map((link) => link.record.seq)).toEqual([1, 8, 2]);
    expect(first?.record.prevHash).toBe(GENESIS_HASH);
    expect(second?.record.prevHash).toBe(first?.hash);
    expect(other?.record.prevHash).toBe(sha256('seven'));
    expect(heads.get('acme')).toEqual({ lastSeq: 2, headHash: second?.hash });
  });

  it('G3: hashes the RFC 8785 form that it hands on to be stored', () => {
    const [link] = plan([submitted('acme', 1)], [['acme', genesis()]]).links;
    expect(link?.canonical).toBe(canonicalJson(link?.record));
    expect(link?.hash).toBe(sha256(link?.canonical ?? ''));
  });

  it('G12: keeps a person out of the hashed bytes but for a salted hash', () => {
    const [link] = plan([submitted('acme', 1)], [['acme', genesis()]]).links;
    expect(link?.canonical).not.toContain('user-1');
    expect(link?.person).toEqual({ userId: 'user-1' });
    expect(link?.record.personHash).toBe(personHash({ userId: 'user-1' }, link?.personSalt ?? ''));
  });

  it('G2: stores the lowest offset of a key, counts the same body and reports another one', () => {
    const items = [submitted('acme', 1, 'a'), submitted('acme', 1, 'a'), submitted('acme', 1, 'b')];
    const outcome = plan(items, [['acme', genesis()]]);
    expect(outcome.links).toHaveLength(1);
    expect(outcome.links[0]?.bodyHash).toBe(sha256('a'));
    expect(outcome.duplicates).toBe(1);
    expect(outcome.conflicts.map((item) => item.value.bodyHash)).toEqual([sha256('b')]);
  });

  it('G2: writes nothing for what is stored already', () => {
    const item = submitted('acme', 1);
    const outcome = plan([item], [['acme', genesis()]], [[idKey('acme', item.decisionId), item.bodyHash]]);
    expect(outcome.links).toEqual([]);
    expect(outcome.heads.size).toBe(0);
  });

  it('keeps events out of the chain', () => {
    const event = { ...submitted('acme', 1), schema: 'toolcall.v1', data: { any: 'thing' } } as SubmittedEvent;
    const outcome = planBatch([{ value: event }], new Map([['acme', genesis()]]), new Map(), {
      recordedAt: RECORDED_AT,
    });
    expect(outcome.events).toEqual([event]);
    expect(outcome.heads.size).toBe(0);
  });

  it('G3: cut into batches anywhere, the same messages make the same chain', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('acme', 'globex'), fc.integer({ min: 1, max: 12 })), { maxLength: 40 }),
        fc.nat(40),
        (drawn, cut) => {
          const items = drawn.map(([orgId, n]) => ({ value: submitted(orgId, n) }));
          const options = { recordedAt: RECORDED_AT, salt: () => '00' };
          const start = new Map([
            ['acme', genesis()],
            ['globex', genesis()],
          ]);
          const whole = planBatch(items, start, new Map(), options);
          const first = planBatch(items.slice(0, cut), start, new Map(), options);
          const known = new Map(first.links.map(({ record, bodyHash }) => [idKey(record.orgId, record.id), bodyHash]));
          const second = planBatch(items.slice(cut), new Map([...start, ...first.heads]), known, options);
          expect([...first.links, ...second.links].map((link) => link.hash)).toEqual(
            whole.links.map((link) => link.hash),
          );
        },
      ),
    );
  });
});
