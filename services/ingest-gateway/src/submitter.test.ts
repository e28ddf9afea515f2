import { AppError, type DecisionsSubmitted } from '@governsai/contracts';
import type { Producer } from '@governsai/kafka';
import { describe, expect, it } from '@jest/globals';
import { createKnownKeys } from './known-keys.ts';
import type { StoredLookup } from './stored-lookup.ts';
import { Submitter } from './submitter.ts';

const submission = (key: string, bodyHash = 'a') =>
  ({
    orgId: 'acme',
    decisionId: `dec_${key}`,
    idempotencyKey: key,
    bodyHash,
    schema: 'decision.v1',
  }) as DecisionsSubmitted;

/** Confirmations held in the hand, to choose what arrives while one is under way. What Kafka itself does is tested with Kafka. */
function heldProducer() {
  const sent: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const producer = {
    sendEach: (_topic, messages) => {
      const one = () => new Promise<void>((resolve, reject) => void sent.push({ resolve, reject }));
      return Promise.all(
        messages.map(() =>
          one().then(
            () => null,
            (error: Error) => error,
          ),
        ),
      );
    },
  } as Pick<Producer, 'sendEach'> as Producer;
  return { producer, sent };
}

const nothingStored: StoredLookup = { find: async () => new Map() };
const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('Submitter', () => {
  it('G1: answers only after the confirmation', async () => {
    const { producer, sent } = heldProducer();
    const submitter = new Submitter(producer, createKnownKeys(10), nothingStored, 65_536);
    let answered = false;
    const answer = submitter.submitAll([submission('k')]).finally(() => {
      answered = true;
    });
    await tick();
    expect(answered).toBe(false);
    sent[0]?.resolve();
    expect(await answer).toEqual([{ id: 'k', decisionId: 'dec_k', dedup: false, schema: 'decision.v1' }]);
  });

  it('G2: a repeat that arrives before the confirmation waits for it and is told dedup', async () => {
    const { producer, sent } = heldProducer();
    const submitter = new Submitter(producer, createKnownKeys(10), nothingStored, 65_536);
    const first = submitter.submitAll([submission('k')]);
    await tick();
    const second = submitter.submitAll([submission('k')]);
    await tick();
    sent[0]?.resolve();
    expect((await first)[0]).toMatchObject({ dedup: false });
    expect((await second)[0]).toMatchObject({ dedup: true });
    expect(sent).toHaveLength(1);
  });

  it('G1: a repeat of one that Kafka did not confirm fails with it, and is written when it comes again', async () => {
    const { producer, sent } = heldProducer();
    const submitter = new Submitter(producer, createKnownKeys(10), nothingStored, 65_536);
    const both = submitter.submitAll([submission('k'), submission('k')]);
    await tick();
    sent[0]?.reject(new AppError('UNAVAILABLE', 'Kafka is away'));
    expect((await both).map((outcome) => outcome instanceof AppError && outcome.code)).toEqual([
      'UNAVAILABLE',
      'UNAVAILABLE',
    ]);
    const again = submitter.submitAll([submission('k')]);
    await tick();
    sent[1]?.resolve();
    expect((await again)[0]).toMatchObject({ dedup: false });
  });

  it('G2: tells IDEMPOTENCY_CONFLICT where another body is confirmed or stored', async () => {
    const { producer, sent } = heldProducer();
    const stored: StoredLookup = { find: async () => new Map([['dec_old', 'a']]) };
    const submitter = new Submitter(producer, createKnownKeys(10), stored, 65_536);
    const answer = submitter.submitAll([submission('old', 'b'), submission('new', 'a'), submission('new', 'b')]);
    await tick();
    sent[0]?.resolve();
    const [old, fresh, conflict] = await answer;
    expect(old).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(fresh).toMatchObject({ dedup: false });
    expect(conflict).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(sent).toHaveLength(1);
  });
});
