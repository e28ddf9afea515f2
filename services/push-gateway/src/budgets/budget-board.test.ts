import { AppError, type BudgetsChanged, budgetUpdate } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Subscriber } from '../streams/subscription.ts';
import { BudgetBoard } from './budget-board.ts';
import { budgetUpdateOf } from './budget-update.ts';

function state(budgetId: string, version: number, over: Partial<BudgetsChanged> = {}): BudgetsChanged {
  return {
    orgId: 'acme',
    budgetId,
    version,
    scope: {},
    limit: '7000',
    used: '2000.000000000001',
    held: '0.5',
    remaining: '4999.499999999999',
    percentUsed: 28.57,
    unit: 'currency',
    currency: 'USD',
    period: 'month',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...over,
  };
}

class TestSocket implements Subscriber {
  readonly sent: string[] = [];
  isOpen = true;
  bufferedBytes = 0;
  drain: () => void = () => {};

  sendFramed({ payload }: { payload: Buffer }): void {
    const { data } = JSON.parse(payload.toString());
    this.sent.push(`${data.budgetId}@${data.version}`);
  }
  drained(): Promise<boolean> {
    return new Promise((resolve) => {
      this.drain = () => {
        this.bufferedBytes = 0;
        resolve(true);
      };
    });
  }
  close(): void {}
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('budgetUpdateOf', () => {
  it("says the spec's numbers and the dashboard's names for them", () => {
    const update = budgetUpdateOf(state('b', 3));
    expect(budgetUpdate.parse(update)).toEqual(update);
    expect(update).toMatchObject({
      channel: 'org:acme:budget',
      data: {
        budgetRemaining: 4999.499999999999,
        budgetUsed: 2000.000000000001,
        budgetHeld: 0.5,
        budgetTotal: 7000,
        currentSpend: 2000.000000000001,
        remaining: 4999.499999999999,
        limit: 7000,
        percentUsed: 28.57,
        version: 3,
      },
    });
  });
});

describe('BudgetBoard', () => {
  it('sends the state of each budget first, then each change', async () => {
    const board = new BudgetBoard(async () => [state('a', 4), state('b', 1)]);
    const socket = new TestSocket();
    const subscription = await board.subscribe(socket);
    expect(socket.sent).toEqual([]);
    subscription.start();
    board.receive(state('a', 5));
    expect(socket.sent).toEqual(['a@4', 'b@1', 'a@5']);
  });

  it('drops a version that is not higher, wherever it comes from', async () => {
    const board = new BudgetBoard(async () => [state('a', 4)]);
    board.receive(state('a', 6));
    const socket = new TestSocket();
    (await board.subscribe(socket)).start();
    board.receive(state('a', 5));
    board.receive(state('a', 6));
    expect(socket.sent).toEqual(['a@6']);
  });

  it('sends only the latest of each budget to a socket that is backed up', async () => {
    const board = new BudgetBoard(async () => []);
    const socket = new TestSocket();
    (await board.subscribe(socket)).start();
    socket.bufferedBytes = 1_000_000;
    for (let version = 1; version <= 50; version++) {
      board.receive(state('a', version));
      board.receive(state('b', version));
    }
    expect(socket.sent).toEqual([]);
    socket.drain();
    await turn();
    expect(socket.sent).toEqual(['a@50', 'b@50']);
    board.receive(state('a', 51));
    expect(socket.sent.at(-1)).toBe('a@51');
  });

  it('forgets a budget that was archived, but not one that was made during the read', async () => {
    let finish: (states: BudgetsChanged[]) => void = () => {};
    const board = new BudgetBoard(() => new Promise((resolve) => (finish = resolve)));
    const first = board.subscribe(new TestSocket());
    finish([state('old', 1), state('kept', 1)]);
    await first;
    const socket = new TestSocket();
    const second = board.subscribe(socket);
    board.receive(state('new', 1));
    finish([state('kept', 1)]);
    (await second).start();
    expect(socket.sent.sort()).toEqual(['kept@1', 'new@1']);
  });

  it('G8: needs the database only for the first subscriber', async () => {
    let isDown = true;
    const board = new BudgetBoard(async () => {
      if (isDown) throw new AppError('UNAVAILABLE', 'down');
      return [state('a', 1)];
    });
    await expect(board.subscribe(new TestSocket())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(board.inUse).toBe(false);
    isDown = false;
    await board.subscribe(new TestSocket());
    isDown = true;
    const socket = new TestSocket();
    (await board.subscribe(socket)).start();
    expect(socket.sent).toEqual(['a@1']);
  });

  it('sends nothing after the end', async () => {
    const board = new BudgetBoard(async () => []);
    const socket = new TestSocket();
    const subscription = await board.subscribe(socket);
    subscription.start();
    subscription.end();
    board.receive(state('a', 1));
    expect(socket.sent).toEqual([]);
    expect(board.inUse).toBe(false);
  });

  it('ends at the highest version of each budget and never goes back, in any interleaving', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ budget: fc.constantFrom('a', 'b'), version: fc.integer({ min: 1, max: 20 }) }),
            fc.constantFrom('block', 'drain', 'reload'),
          ),
          { maxLength: 40 },
        ),
        async (steps) => {
          const highest = new Map<string, number>();
          const board = new BudgetBoard(async () => {
            const stored = [...highest].map(([budget, version]) => state(budget, version));
            await turn();
            return stored;
          });
          const socket = new TestSocket();
          (await board.subscribe(socket)).start();
          for (const step of steps) {
            if (step === 'block') socket.bufferedBytes = 1_000_000;
            else if (step === 'drain') socket.drain();
            else if (step === 'reload') void board.reload();
            else {
              highest.set(step.budget, Math.max(step.version, highest.get(step.budget) ?? 0));
              board.receive(state(step.budget, step.version));
            }
            await turn();
          }
          socket.bufferedBytes = 0;
          socket.drain();
          await turn();
          await turn();
          for (const [budget, version] of highest) {
            const seen = socket.sent.filter((one) => one.startsWith(`${budget}@`)).map((one) => Number(one.slice(2)));
            expect(seen.at(-1)).toBe(version);
            expect(seen).toEqual([...new Set(seen)].sort((x, y) => x - y));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
