import { createRequire } from 'node:module';
import { AppError } from '@governsai/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEAD_HEADERS } from './dead-letter.ts';
import { PoisonError } from './poison.ts';
import { auditRecord, until } from './test-records.ts';
import { createTestKafka, type TestKafka } from './testing.ts';
import type { ConsumedBatch, GroupConsumer, GroupOptions, Producer } from './types.ts';

const require = createRequire(import.meta.url);
const Cluster: { prototype: { findGroupCoordinatorMetadata: () => Promise<unknown> } } = require('kafkajs/src/cluster');
const errors: { KafkaJSGroupCoordinatorNotFound: new (text: string) => Error } = require('kafkajs/src/errors');

const TOPIC = 'audit.recorded';
type Batch = ConsumedBatch<typeof TOPIC>;

let test: TestKafka;
let producer: Producer;
let consumers: GroupConsumer[] = [];
let groups = 0;

beforeAll(async () => {
  test = await createTestKafka();
});
beforeEach(() => {
  producer = test.kafka.producer();
});
afterEach(async () => {
  test.heal();
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  consumers = [];
  await producer.close();
});
afterAll(() => test.drop());

/** Each test reads its own messages only: those whose id begins with its group. */
function newGroup(): string {
  groups++;
  return `group-${groups}`;
}

async function send(group: string, count: number, key?: string, from = 0): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `${group}:${from + n}`);
  await producer.sendAll(
    TOPIC,
    ids.map((id, n) => ({ key: key ?? `org-${n % 9}`, value: auditRecord(id) })),
  );
  return ids;
}

function consume(group: string, options: Partial<GroupOptions<typeof TOPIC>>): GroupConsumer {
  const consumer = test.kafka.consumeGroup({
    topic: TOPIC,
    groupId: group,
    handler: async () => {},
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
  consumers.push(consumer);
  return consumer;
}

const idsOf = (batch: Batch, group: string): string[] =>
  batch.messages.map((message) => message.value.id).filter((id) => id.startsWith(`${group}:`));

describe('consumeGroup', () => {
  it('hands on everything from the beginning, in order per key, and knows its lag', async () => {
    const group = newGroup();
    const sent = await send(group, 500);
    const seen = new Map<string, string[]>();
    let largest = 0;
    const consumer = consume(group, {
      maxBatch: 20,
      handler: async (batch) => {
        largest = Math.max(largest, batch.messages.length);
        for (const { key, value } of batch.messages) {
          if (value.id.startsWith(`${group}:`)) seen.set(key, [...(seen.get(key) ?? []), value.id]);
        }
      },
    });
    await consumer.start();
    await until('all messages', () => [...seen.values()].flat().length >= sent.length);
    expect([...seen.values()].flat().sort()).toEqual([...sent].sort());
    for (const ids of seen.values()) {
      const numbers = ids.map((id) => Number(id.split(':')[1]));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    expect(largest).toBeLessThanOrEqual(20);
    await until('no lag', () => [...consumer.lag().values()].every((lag) => lag === 0));
    expect(consumer.lag().size).toBeGreaterThan(0);
  });

  it('rests after a batch at the end of its partition, so that what comes meanwhile is handled together', async () => {
    const group = newGroup();
    const batches: { ids: string[]; at: number }[] = [];
    const restMs = 700;
    await consume(group, {
      restMs,
      handler: async (batch) => {
        const ids = idsOf(batch, group);
        if (ids.length > 0) batches.push({ ids, at: performance.now() });
      },
    }).start();
    const sent: string[] = [];
    for (let n = 0; n < 5; n++) {
      sent.push(...(await send(group, 1, 'resting', n)));
      if (n === 0) await until('the first message', () => batches.length === 1);
    }
    await until('all messages', () => batches.flatMap(({ ids }) => ids).length === sent.length);
    expect(batches.map(({ ids }) => ids)).toEqual([sent.slice(0, 1), sent.slice(1)]);
    expect(batches[1]!.at - batches[0]!.at).toBeGreaterThanOrEqual(restMs - 50);
  });

  it('does not rest while more is waiting', async () => {
    const group = newGroup();
    const sent = await send(group, 300, 'backlog');
    const ids: string[] = [];
    const consumer = consume(group, {
      restMs: 60_000,
      maxBatch: 10,
      handler: async (batch) => {
        ids.push(...idsOf(batch, group));
      },
    });
    await consumer.start();
    await until('all messages', () => ids.length === sent.length);
    expect(ids).toEqual(sent);
    // Nor does it hold up the end.
    const begun = performance.now();
    await consumer.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it('commits only after the effects: what the handler failed on comes again, and health tells', async () => {
    const group = newGroup();
    const sent = await send(group, 30);
    const effects = new Set<string>();
    const health: (string | null)[] = [];
    const failedOn = new Set<number>();
    const consumer = consume(group, {
      health: (error) => health.push(error?.message ?? null),
      handler: async (batch) => {
        if (!failedOn.has(batch.partition)) {
          failedOn.add(batch.partition);
          throw new Error('the database is away');
        }
        for (const id of idsOf(batch, group)) effects.add(id);
      },
    });
    await consumer.start();
    await until('all effects', () => effects.size === sent.length);
    expect(health).toContain('the database is away');
    await until('health is good again', () => health.at(-1) === null);
  });

  it('G8: goes on when the cluster named no coordinator for a while, which the client calls final', async () => {
    const group = newGroup();
    const seen = new Set<string>();
    const failures: string[] = [];
    const consumer = consume(group, {
      sessionTimeoutMs: 6000,
      health: (error) => failures.push(error?.name ?? ''),
      handler: async (batch) => {
        for (const id of idsOf(batch, group)) seen.add(id);
      },
    });
    const before = await send(group, 5);
    await consumer.start();
    await until('what was there', () => seen.size === before.length);
    const find = Cluster.prototype.findGroupCoordinatorMetadata;
    let refused = 0;
    Cluster.prototype.findGroupCoordinatorMetadata = async () => {
      refused++;
      throw new errors.KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator');
    };
    try {
      test.cut();
      await until('a new membership', () => failures.includes('KafkaJSNumberOfRetriesExceeded'), 60_000);
      test.heal();
      await until('two refusals', () => refused >= 2, 60_000);
    } finally {
      Cluster.prototype.findGroupCoordinatorMetadata = find;
    }
    const after = await send(group, 5, undefined, 5);
    await until('what came after', () => seen.size === before.length + after.length, 60_000);
  }, 150_000);

  it('a member that stopped before its effects leaves the messages to the next one', async () => {
    const group = newGroup();
    const sent = await send(group, 30);
    let tries = 0;
    const first = consume(group, {
      handler: async () => {
        tries++;
        throw new Error('never works');
      },
    });
    await first.start();
    await until('a try', () => tries > 0);
    await first.stop();
    const effects = new Set<string>();
    await consume(group, {
      handler: async (batch) => {
        for (const id of idsOf(batch, group)) effects.add(id);
      },
    }).start();
    await until('all effects', () => effects.size === sent.length);
  });

  it('G9: stop lets the running batch finish and commits it', async () => {
    const group = newGroup();
    await send(group, 5, 'one-key');
    const first: string[] = [];
    let running = false;
    const stopping = consume(group, {
      handler: async (batch) => {
        if (idsOf(batch, group).length === 0) return;
        running = true;
        await new Promise((resolve) => setTimeout(resolve, 500));
        first.push(...idsOf(batch, group));
      },
    });
    await stopping.start();
    await until('the handler runs', () => running);
    await stopping.stop();
    expect(first).toHaveLength(5);
    const second: string[] = [];
    const next = consume(group, {
      handler: async (batch) => {
        second.push(...idsOf(batch, group));
      },
    });
    await next.start();
    const [later] = await send(group, 1, 'one-key', 100);
    await until('the later message', () => second.includes(later!));
    expect(second).toEqual([later]);
  });

  it('a handler slower than the session keeps its membership', async () => {
    const group = newGroup();
    const sent = await send(group, 3, 'slow');
    const seen: string[] = [];
    const actives: boolean[] = [];
    const consumer = consume(group, {
      sessionTimeoutMs: 6_000,
      heartbeatIntervalMs: 500,
      handler: async (batch) => {
        if (idsOf(batch, group).length === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 9_000));
        actives.push(batch.active());
        seen.push(...idsOf(batch, group));
      },
    });
    await consumer.start();
    await until('the slow batch', () => seen.length > 0);
    const [later] = await send(group, 1, 'slow', 100);
    await until('the next batch', () => seen.includes(later!));
    expect(seen).toEqual([...sent, later]);
    expect(actives).toEqual([true, true]);
  }, 90_000);

  it('a rebalance loses nothing', async () => {
    const group = newGroup();
    const effects = new Set<string>();
    const members = new Set<string>();
    const handler = (name: string) => async (batch: Batch) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (!batch.active()) return;
      members.add(name);
      for (const id of idsOf(batch, group)) effects.add(id);
    };
    await consume(group, { handler: handler('first'), maxBatch: 5, heartbeatIntervalMs: 300 }).start();
    const sent = await send(group, 300);
    const second = consume(group, { handler: handler('second'), maxBatch: 5, heartbeatIntervalMs: 300 });
    await second.start();
    sent.push(...(await send(group, 300, undefined, 1_000)));
    await until('all effects', () => effects.size === sent.length);
    expect(members).toEqual(new Set(['first', 'second']));
  });

  it('active() turns false for a member that was put out, and its batch is not committed', async () => {
    const group = newGroup();
    const sent = await send(group, 3, 'fence');
    let lostIt = false;
    const stuck = consume(group, {
      // The broker waits this long for a busy member before it goes on without it.
      rebalanceTimeoutMs: 2_000,
      heartbeatIntervalMs: 300,
      handler: async (batch) => {
        if (idsOf(batch, group).length === 0) return;
        while (batch.active()) await new Promise((resolve) => setTimeout(resolve, 50));
        lostIt = true;
      },
    });
    await stuck.start();
    await until('the stuck member has the batch', () => stuck.lag().size > 0);
    const effects = new Set<string>();
    const options = { rebalanceTimeoutMs: 2_000, heartbeatIntervalMs: 300 };
    const taker = consume(group, {
      ...options,
      handler: async (batch) => {
        for (const id of idsOf(batch, group)) effects.add(id);
      },
    });
    await taker.start();
    await until('active() is false', () => lostIt);
    await stuck.stop();
    await until('the other member has it', () => effects.size === sent.length);
  });

  it('G10: poison goes to the dead-letter topic with its reason, and the partition moves on', async () => {
    const group = newGroup();
    const key = 'poison';
    await send(group, 2, key);
    await producer.send(TOPIC, { key, value: { json: '{"not": json' } });
    await producer.send(TOPIC, { key, value: { json: JSON.stringify({ ...auditRecord(`${group}:x`), orgId: 7 }) } });
    await producer.send(TOPIC, { key, value: auditRecord(`${group}:bad`) });
    await producer.send(TOPIC, { key, value: auditRecord(`${group}:refused`) });
    const [last] = await send(group, 1, key, 100);
    const effects: string[] = [];
    const consumer = consume(group, {
      handler: async (batch) => {
        const ids = idsOf(batch, group);
        if (ids.includes(`${group}:bad`)) throw new PoisonError('the row breaks a rule');
        for (const message of batch.messages) {
          if (message.value.id !== `${group}:refused`) continue;
          await batch.deadLetter(message, 'refused by hand', new AppError('CONFLICT', 'no'));
        }
        effects.push(...ids.filter((id) => id !== `${group}:refused`));
      },
    });
    await consumer.start();
    await until('the message after the poison', () => effects.includes(last!));
    expect(new Set(effects)).toEqual(new Set([`${group}:0`, `${group}:1`, last]));
    await consumer.stop();
    const dead = (await test.readAll(`${TOPIC}.dead`)).filter((message) => message.key === key);
    expect(dead.map((message) => message.headers[DEAD_HEADERS.reason]).sort()).toEqual([
      expect.stringMatching(/^orgId: /),
      'refused by hand',
      'the row breaks a rule',
      'the value is not JSON',
    ]);
    const original = (await test.readAll(TOPIC)).filter((message) => message.key === key);
    for (const message of dead) {
      const source = original.find(({ offset }) => offset === message.headers[DEAD_HEADERS.offset]);
      expect(message.value).toEqual(source!.value);
      expect(message.headers).toMatchObject({ ...source!.headers, [DEAD_HEADERS.topic]: TOPIC });
      expect(message.headers[DEAD_HEADERS.partition]).toBe(String(source!.partition));
    }
  });

  it('G8: goes on after an outage, without a fatal error', async () => {
    const group = newGroup();
    const effects = new Set<string>();
    const health: (Error | null)[] = [];
    const consumer = consume(group, {
      sessionTimeoutMs: 6_000,
      health: (error) => health.push(error),
      handler: async (batch) => {
        for (const id of idsOf(batch, group)) effects.add(id);
      },
    });
    await consumer.start();
    const before = await send(group, 20);
    await until('what was sent before', () => effects.size === before.length);
    test.cut();
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    test.heal();
    const after = await send(group, 20, undefined, 100);
    await until('what was sent after', () => effects.size === before.length + after.length);
  }, 90_000);

  it('starts while Kafka is away, and works once it is there', async () => {
    const group = newGroup();
    const sent = await send(group, 3);
    const effects = new Set<string>();
    const health: (Error | null)[] = [];
    test.cut();
    const consumer = consume(group, {
      health: (error) => health.push(error),
      handler: async (batch) => {
        for (const id of idsOf(batch, group)) effects.add(id);
      },
    });
    const started = consumer.start();
    await until('it told its health', () => health.length > 0);
    expect(health[0]).toBeInstanceOf(Error);
    test.heal();
    await started;
    await until('all effects', () => effects.size === sent.length);
    await until('health is good', () => health.at(-1) === null);
  });

  it('pause keeps the membership and stops the messages until resume', async () => {
    const group = newGroup();
    const seen: string[] = [];
    const consumer = consume(group, {
      handler: async (batch) => {
        seen.push(...idsOf(batch, group));
      },
    });
    consumer.pause();
    await consumer.start();
    await send(group, 3);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(seen).toEqual([]);
    consumer.resume();
    await until('the messages', () => seen.length === 3);
  });
});
