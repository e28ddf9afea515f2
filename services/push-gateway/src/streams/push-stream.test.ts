import { AppError } from '@governsai/contracts';
import { frameText } from '@governsai/socket';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Lens } from './lens.ts';
import { PageReader } from './page-reader.ts';
import { PushStream } from './push-stream.ts';
import { framedPush, type Push } from './ring.ts';
import type { Subscriber } from './subscription.ts';
import { Turns } from './turns.ts';

/** Every push is framed as its seq, padded to a size that tests can count with. */
const PUSH_BYTES = 1024;
/** Small, so that reads take several. */
const PAGE = 7;
const push = (seq: number): Push => framedPush(seq, frameText(String(seq).padEnd(PUSH_BYTES - 4)));

/** A socket that remembers what it was sent; it takes bytes only when told to, or always. */
class TestSocket implements Subscriber {
  readonly seqs: number[] = [];
  readonly closes: number[] = [];
  isOpen = true;
  bufferedBytes = 0;
  #waiting: ((drained: boolean) => void)[] = [];
  readonly #stuck: boolean;

  constructor(isStuck = false) {
    this.#stuck = isStuck;
    if (isStuck) stuck.push(this);
  }
  sendFramed({ frame, payload }: Push['frame']): void {
    if (!this.isOpen) return;
    this.seqs.push(Number(payload.toString()));
    if (this.#stuck) this.bufferedBytes += frame.length;
  }
  drain(): void {
    this.bufferedBytes = 0;
    for (const resolve of this.#waiting.splice(0)) resolve(true);
  }
  drained(withinMs: number): Promise<boolean> {
    if (this.bufferedBytes === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs, false);
      this.#waiting.push((drained) => {
        clearTimeout(timer);
        resolve(drained);
      });
    });
  }
  close(code: number): void {
    this.closes.push(code);
    this.isOpen = false;
  }
}

/** The stored side: pushes committed so far, pruned from the front; every read waits for `turn`. */
class TestStore {
  stored: number;
  firstSeq = 1;
  isDown = false;
  reads = 0;
  turn: () => Promise<void> = () => Promise.resolve();
  readonly #pages = new PageReader<string>(
    (_key, afterSeq, toSeq) =>
      this.#read(() => range(Math.max(afterSeq + 1, this.firstSeq), Math.min(toSeq, this.stored)).map(push)),
    (key) => key,
    4 * PUSH_BYTES * PAGE,
    PAGE,
  );

  constructor(stored: number) {
    this.stored = stored;
  }
  async head() {
    return this.#read(() => ({ lastSeq: this.stored, firstSeq: this.firstSeq }));
  }
  after(seq: number) {
    return this.#pages.after('', seq);
  }
  async #read<T>(result: () => T): Promise<T> {
    this.reads++;
    await this.turn();
    if (this.isDown) throw new AppError('UNAVAILABLE', 'down');
    // The snapshot is taken before the answer arrives.
    const snapshot = result();
    await this.turn();
    return snapshot;
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

const open: PushStream[] = [];
const stuck: TestSocket[] = [];
afterEach(() => {
  for (const stream of open.splice(0)) stream.close();
  for (const socket of stuck.splice(0)) {
    socket.isOpen = false;
    socket.drain();
  }
});

function setup(stored: number, over: { ringBytes?: number; slowMs?: number; turns?: Turns } = {}) {
  const store = new TestStore(stored);
  const failures: unknown[] = [];
  const stream = new PushStream({
    source: store,
    ringBytes: () => over.ringBytes ?? 100 * PUSH_BYTES,
    slowMs: over.slowMs ?? 50,
    turns: over.turns ?? new Turns(() => performance.now()),
    onReadFailure: (error) => failures.push(error),
    pause: () => new Promise((resolve) => setTimeout(resolve, 1)),
  });
  open.push(stream);
  const live = (...seqs: number[]) => {
    for (const seq of seqs) {
      store.stored = Math.max(store.stored, seq);
      stream.receive(push(seq));
    }
  };
  return { store, stream, live, failures };
}

/** Leaves all seqs out that `by` does not divide. */
const everyNth = (by: number): Lens => ({
  isSelective: true,
  see: ({ seq, frame }) => (seq % by === 0 ? frame : null),
});

/** Waits until it holds; what is expected then says what is missing when it never does. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1));
}
/** Waits until the socket was sent as many pushes as these. */
const sent = (socket: TestSocket, seqs: readonly number[]) => until(() => socket.seqs.length >= seqs.length);

const quiet = () => new Promise((resolve) => setTimeout(resolve, 30));
const noFailure = (error: AppError) => {
  throw error;
};

describe('PushStream', () => {
  it('G4: begins after the head when no since is given', async () => {
    const { stream, live } = setup(7);
    const socket = new TestSocket();
    const subscription = await stream.subscribe(socket, null);
    expect(subscription.position).toBe(7);
    live(7);
    subscription.start(noFailure);
    live(8, 9);
    expect(socket.seqs).toEqual([8, 9]);
  });

  it('G4: keeps what arrives while the head is read', async () => {
    const { stream, live } = setup(7);
    const socket = new TestSocket();
    const subscribing = stream.subscribe(socket, null);
    live(8, 9);
    const subscription = await subscribing;
    subscription.start(noFailure);
    await quiet();
    expect([...range(8, subscription.position), ...socket.seqs]).toEqual([8, 9]);
  });

  it('G4: drops repeats and fills holes from the store', async () => {
    const { stream, live } = setup(0);
    const socket = new TestSocket();
    (await stream.subscribe(socket, null)).start(noFailure);
    live(1, 2, 1, 2, 3, 6, 6, 10, 4);
    await sent(socket, range(1, 10));
    expect(socket.seqs).toEqual(range(1, 10));
  });

  it('G4: resumes from memory without a read', async () => {
    const { stream, live, store } = setup(0);
    (await stream.subscribe(new TestSocket(), null)).start(noFailure);
    live(...range(1, 50));
    const reads = store.reads;
    const socket = new TestSocket();
    (await stream.subscribe(socket, 10)).start(noFailure);
    await sent(socket, range(11, 50));
    expect(socket.seqs).toEqual(range(11, 50));
    expect(store.reads).toBe(reads);
  });

  it('G4: resumes from the store, then memory, then live', async () => {
    const { stream, live } = setup(40, { ringBytes: 5 * PUSH_BYTES });
    (await stream.subscribe(new TestSocket(), null)).start(noFailure);
    live(...range(41, 60));
    const socket = new TestSocket();
    const subscription = await stream.subscribe(socket, 0);
    expect(subscription.position).toBe(60);
    subscription.start(noFailure);
    live(61, 62);
    await sent(socket, range(1, 62));
    live(63);
    await sent(socket, range(1, 63));
    expect(socket.seqs).toEqual(range(1, 63));
  });

  it('G4: is not fooled by a shared read that is older than what is asked for', async () => {
    const { stream, store, live } = setup(3, { ringBytes: PUSH_BYTES });
    await stream.subscribe(new TestSocket(), null);
    const turns: (() => void)[] = [];
    store.turn = () => new Promise((resolve) => turns.push(resolve));
    const older = stream.subscribe(new TestSocket(), 0);
    await quiet();
    turns.shift()?.();
    await quiet();
    // Its snapshot is taken, its answer on the way.
    live(4, 5);
    const socket = new TestSocket();
    const younger = stream.subscribe(socket, 3);
    await quiet();
    store.turn = () => Promise.resolve();
    for (const turn of turns) turn();
    await older;
    (await younger).start(noFailure);
    await sent(socket, [4, 5]);
    expect(socket.seqs).toEqual([4, 5]);
  });

  it('G4: a client that is ahead of this replica gets nothing twice', async () => {
    const { stream, live, store } = setup(5);
    (await stream.subscribe(new TestSocket(), null)).start(noFailure);
    store.stored = 9;
    const socket = new TestSocket();
    const subscription = await stream.subscribe(socket, 8);
    expect(subscription.position).toBe(8);
    subscription.start(noFailure);
    live(...range(6, 10));
    expect(socket.seqs).toEqual([9, 10]);
  });

  it('refuses a since that nobody can have seen', async () => {
    const { stream } = setup(5);
    await expect(stream.subscribe(new TestSocket(), 6)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'since',
    });
  });

  it('says RESUME_GAP with the first seq there is when the rest has been pruned', async () => {
    const { stream, store } = setup(20);
    store.firstSeq = 11;
    await expect(stream.subscribe(new TestSocket(), 5)).rejects.toMatchObject({ code: 'RESUME_GAP', firstSeq: 11 });
    const socket = new TestSocket();
    (await stream.subscribe(socket, 10)).start(noFailure);
    await sent(socket, range(11, 20));
    expect(socket.seqs).toEqual(range(11, 20));
  });

  it('G8: a resume that needs the store is UNAVAILABLE while it is down, one from memory is not, live goes on', async () => {
    const { stream, store, live } = setup(20, { ringBytes: 5 * PUSH_BYTES });
    const first = new TestSocket();
    (await stream.subscribe(first, null)).start(noFailure);
    live(...range(21, 30));
    store.isDown = true;
    await expect(stream.subscribe(new TestSocket(), 3)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const second = new TestSocket();
    (await stream.subscribe(second, 27)).start(noFailure);
    live(31);
    await sent(second, range(28, 31));
    expect(second.seqs).toEqual(range(28, 31));
    expect(first.seqs).toEqual(range(21, 31));
  });

  it('G8: a hole is filled once the store is back', async () => {
    const { stream, store, live, failures } = setup(0);
    const socket = new TestSocket();
    (await stream.subscribe(socket, null)).start(noFailure);
    store.isDown = true;
    live(1, 4, 5);
    await until(() => failures.length > 0);
    expect(socket.seqs).toEqual([1]);
    expect(failures.length).toBeGreaterThan(0);
    store.isDown = false;
    await sent(socket, range(1, 5));
    expect(socket.seqs).toEqual(range(1, 5));
  });

  it('G8: opens after a failed first try', async () => {
    const { stream, store } = setup(3);
    store.isDown = true;
    await expect(stream.subscribe(new TestSocket(), null)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(stream.inUse).toBe(false);
    store.isDown = false;
    expect((await stream.subscribe(new TestSocket(), null)).position).toBe(3);
  });

  it('G4: reads what was missed after a reset', async () => {
    const { stream, store, live } = setup(3);
    const socket = new TestSocket();
    (await stream.subscribe(socket, null)).start(noFailure);
    store.stored = 12;
    await stream.recheck();
    live(11, 12, 13);
    await sent(socket, range(4, 13));
    expect(socket.seqs).toEqual(range(4, 13));
  });

  it('tells live subscribers when what they wait for has been pruned', async () => {
    const { stream, store, live } = setup(3);
    const errors: AppError[] = [];
    (await stream.subscribe(new TestSocket(), null)).start((error) => errors.push(error));
    store.firstSeq = 9;
    live(10);
    await until(() => errors.length > 0);
    expect(errors).toEqual([expect.objectContaining({ code: 'RESUME_GAP', firstSeq: 9 })]);
    const socket = new TestSocket();
    (await stream.subscribe(socket, null)).start(noFailure);
    live(11);
    expect(socket.seqs).toEqual([11]);
  });

  it('sends nothing after the end of a subscription', async () => {
    const { stream, live } = setup(0);
    const socket = new TestSocket();
    const subscription = await stream.subscribe(socket, null);
    subscription.start(noFailure);
    live(1);
    subscription.end();
    live(2);
    expect(socket.seqs).toEqual([1]);
    expect(stream.inUse).toBe(false);
  });
});

describe('a lens', () => {
  it('G4: is passed by what it leaves out: the cursor goes on, and a resume from it misses nothing', async () => {
    const { stream, live } = setup(30, { ringBytes: 10 * PUSH_BYTES });
    const socket = new TestSocket();
    const subscription = await stream.subscribe(socket, 0, everyNth(10));
    subscription.start(noFailure);
    await sent(socket, [10, 20, 30]);
    live(31, 32, 33);
    await until(() => subscription.cursor === 33);
    expect(socket.seqs).toEqual([10, 20, 30]);
    expect(subscription.cursor).toBe(33);
    subscription.end();
    live(...range(34, 65));
    const again = new TestSocket();
    (await stream.subscribe(again, 33, everyNth(10))).start(noFailure);
    await sent(again, [40, 50, 60]);
    expect(again.seqs).toEqual([40, 50, 60]);
  });

  it('can be changed in the middle: what follows the cursor is seen through the new one', async () => {
    const { stream, live } = setup(0);
    const socket = new TestSocket();
    const subscription = await stream.subscribe(socket, null, everyNth(2));
    subscription.start(noFailure);
    live(1, 2, 3, 4);
    subscription.lookThrough(null);
    live(5, 6);
    subscription.lookThrough(everyNth(4));
    live(7, 8, 9);
    expect(socket.seqs).toEqual([2, 4, 5, 6, 8]);
  });

  it('that costs more than its share makes its own subscriptions fall behind, and nobody else', async () => {
    let clock = 0;
    const { stream, live } = setup(0, { turns: new Turns(() => clock) });
    const costly: Lens = {
      isSelective: true,
      see: ({ frame }) =>
        stream.turns.timed(() => {
          clock += 3;
          return frame;
        }),
    };
    const sockets = [costly, costly, costly, null].map((lens) => ({ lens, socket: new TestSocket() }));
    for (const { lens, socket } of sockets) (await stream.subscribe(socket, null, lens)).start(noFailure);
    live(1, 2, 3);
    // Two evaluations are the share of a turn of the event loop.
    expect(sockets.map(({ socket }) => socket.seqs)).toEqual([[1], [1], [], [1, 2, 3]]);
    await until(() => sockets.every(({ socket }) => socket.seqs.length === 3));
    expect(sockets.map(({ socket }) => socket.seqs)).toEqual(Array(4).fill([1, 2, 3]));
    live(4);
    await until(() => sockets.every(({ socket }) => socket.seqs.length === 4));
    expect(sockets.map(({ socket }) => socket.seqs)).toEqual(Array(4).fill([1, 2, 3, 4]));
  });
});

describe('a socket that is backed up', () => {
  it('is sent to as it drains, and misses nothing', async () => {
    const { stream, live } = setup(0, { ringBytes: 2000 * PUSH_BYTES, slowMs: 60_000 });
    const socket = new TestSocket(true);
    (await stream.subscribe(socket, null)).start(noFailure);
    live(...range(1, 1000));
    // The window is 256 KiB.
    expect(socket.seqs).toEqual(range(1, 256));
    while (socket.seqs.length < 1000) {
      socket.drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
    live(1001);
    socket.drain();
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.seqs).toEqual(range(1, 1001));
  });

  it('is closed with 4430 when it takes nothing and is owed more than is kept', async () => {
    const { stream, live } = setup(0, { ringBytes: 300 * PUSH_BYTES });
    const socket = new TestSocket(true);
    const healthy = new TestSocket();
    (await stream.subscribe(socket, null)).start(noFailure);
    (await stream.subscribe(healthy, null)).start(noFailure);
    live(...range(1, 1000));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(socket.closes).toEqual([4430]);
    expect(socket.seqs).toEqual(range(1, 256));
    expect(healthy.seqs).toEqual(range(1, 1000));
  });

  it('is not closed while all it is owed is kept', async () => {
    const { stream, live } = setup(0, { ringBytes: 2000 * PUSH_BYTES });
    const socket = new TestSocket(true);
    (await stream.subscribe(socket, null)).start(noFailure);
    live(...range(1, 1000));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(socket.closes).toEqual([]);
  });
});

describe('any interleaving', () => {
  it('G4: of live messages, repeats, holes, reads and resumes gives every later seq of its lens once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.nat(20),
        // Steps between the stored seqs that Kafka brings: 1 is the next, 0 and less a repeat, more a hole.
        fc.array(fc.integer({ min: -3, max: 5 }), { maxLength: 25 }),
        fc.array(fc.record({ since: fc.option(fc.nat(60)), by: fc.integer({ min: 1, max: 3 }) }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.integer({ min: 1, max: 8 }),
        async (scheduler, stored, steps, wanted, ringPushes) => {
          const { stream, store, live } = setup(stored, { ringBytes: ringPushes * PUSH_BYTES });
          store.turn = () => scheduler.schedule(Promise.resolve());
          const subscribed: { socket: TestSocket; from: number; by: number; cursor: () => number }[] = [];
          const errors: AppError[] = [];
          const subscribing = wanted.map(({ since, by }) =>
            scheduler.schedule(Promise.resolve()).then(async () => {
              const socket = new TestSocket();
              const from = since === null ? null : Math.min(since, store.stored);
              const subscription = await stream.subscribe(socket, from, by === 1 ? null : everyNth(by));
              subscribed.push({ socket, by, from: from ?? subscription.position, cursor: () => subscription.cursor });
              subscription.start((error) => errors.push(error));
            }),
          );
          let last = stored;
          const feed = scheduler.scheduleSequence(
            steps.map((step, i) => ({
              builder: async () => {
                const seq = Math.max(1, last + step);
                last = Math.max(last, seq);
                live(seq);
              },
              label: `live ${i}`,
            })),
          );
          await scheduler.waitFor(Promise.all([feed.task, ...subscribing]));
          // Whatever Kafka left out at the end shows with the next message.
          live(last + 1);
          const done = () => subscribed.every(({ cursor }) => cursor() === last + 1);
          for (let i = 0; i < 500 && !done(); i++) {
            if (scheduler.count() > 0) await scheduler.waitOne();
            else await new Promise((resolve) => setTimeout(resolve, 1));
          }
          expect(errors).toEqual([]);
          for (const { socket, from, by } of subscribed) {
            expect(socket.seqs).toEqual(range(from + 1, last + 1).filter((seq) => seq % by === 0));
          }
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);
});
