import type { Principal } from '@governsai/contracts';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MessageRelay, type RelayItem } from './message-relay.ts';

const principal: Principal = {
  kind: 'apiKey',
  orgId: 'acme',
  userId: null,
  keyId: 'key-1',
  scopes: ['decisions:write'],
  expiresAt: null,
};
const item = (message: unknown): RelayItem => ({ principal, message });
const resultOf = ({ message }: RelayItem) => ({ id: String(message) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A relay whose requests a test answers by itself. */
function setup() {
  const requests: {
    items: RelayItem[];
    answer: () => void;
    /** Says UNAVAILABLE of the first `count`, of all unless given. */
    refuse: (count?: number) => void;
    fail: (error: Error) => void;
  }[] = [];
  const relay = new MessageRelay<{ id: string } | { error: { code: 'UNAVAILABLE' } }>({
    what: 'ingest',
    call: (items) =>
      new Promise((resolve, reject) => {
        requests.push({
          items,
          answer: () => resolve(items.map(resultOf)),
          refuse: (count = items.length) =>
            resolve(items.map((one, i) => (i < count ? { error: { code: 'UNAVAILABLE' as const } } : resultOf(one)))),
          fail: reject,
        });
      }),
  });
  const batches = () => requests.map(({ items }) => items.map(({ message }) => message));
  return { relay, requests, batches };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('MessageRelay', () => {
  it('sends what arrives in one turn together, and what arrives during a request with the next', async () => {
    const { relay, requests, batches } = setup();
    const results = [1, 2].map((message) => relay.submit(item(message), 10, 0));
    await turn();
    results.push(...[3, 4].map((message) => relay.submit(item(message), 10, 0)));
    await turn();
    expect(batches()).toEqual([[1, 2]]);
    requests[0]?.answer();
    await turn();
    expect(batches()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    requests[1]?.answer();
    expect(await Promise.all(results)).toEqual([1, 2, 3, 4].map((message) => resultOf(item(message))));
  });

  it('has one request of a lane under way, and the other lanes go on', async () => {
    const { relay, requests, batches } = setup();
    void relay.submit(item('a1'), 10, 0);
    void relay.submit(item('b1'), 10, 1);
    await turn();
    void relay.submit(item('a2'), 10, 0);
    requests[1]?.answer();
    await turn();
    void relay.submit(item('b2'), 10, 1);
    await turn();
    expect(batches()).toEqual([['a1'], ['b1'], ['b2']]);
  });

  it('puts at most 500 items and 4 MiB in one request', async () => {
    const { relay, requests, batches } = setup();
    for (let i = 0; i < 501; i++) void relay.submit(item(i), 10, 0);
    for (let i = 0; i < 3; i++) void relay.submit(item(`big ${i}`), 2_000_000, 1);
    await turn();
    expect(batches().map(({ length }) => length)).toEqual([500, 2]);
    for (const { answer } of requests) answer();
    await turn();
    expect(batches().map(({ length }) => length)).toEqual([500, 2, 1, 1]);
  });

  it('answers UNAVAILABLE to every item of a failed request and goes on with the next', async () => {
    const { relay, requests } = setup();
    const first = [relay.submit(item(1), 10, 0), relay.submit(item(2), 10, 0)];
    await turn();
    const second = relay.submit(item(3), 10, 0);
    requests[0]?.fail(new Error('connection refused'));
    for (const result of first) {
      await expect(result).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
    }
    await turn();
    requests[1]?.answer();
    await expect(second).resolves.toMatchObject({ id: '3' });
  });

  it('G8: refuses who waited behind a request that came to nothing after a while, and sends who came just now', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { relay, requests, batches } = setup();
    const first = relay.submit(item(1), 10, 0);
    await turn();
    const waited = relay.submit(item(2), 10, 0);
    jest.advanceTimersByTime(4000);
    const fresh = relay.submit(item(3), 10, 0);
    requests[0]?.refuse();
    await expect(first).resolves.toEqual({ error: { code: 'UNAVAILABLE' } });
    await expect(waited).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
    await turn();
    expect(batches()).toEqual([[1], [3]]);
    requests[1]?.answer();
    await expect(fresh).resolves.toEqual({ id: '3' });
  });

  it('lets those go on who wait behind a request of which only a part was refused', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { relay, requests, batches } = setup();
    const first = [1, 2].map((message) => relay.submit(item(message), 10, 0));
    await turn();
    void relay.submit(item(3), 10, 0);
    jest.advanceTimersByTime(4000);
    requests[0]?.refuse(1);
    await Promise.all(first);
    await turn();
    expect(batches()).toEqual([[1, 2], [3]]);
  });

  it('answers UNAVAILABLE at once when 64 MiB wait, and takes more when they are gone', async () => {
    const { relay, requests } = setup();
    const first = relay.submit(item(1), 64 * 1024 * 1024, 0);
    await expect(relay.submit(item(2), 1, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await turn();
    requests[0]?.answer();
    await first;
    void relay.submit(item(3), 1, 1);
    await turn();
    expect(requests).toHaveLength(2);
  });
});
