import { describe, expect, it } from '@jest/globals';
import { backoffMs, hasCause, NEVER, pause, persist } from './backoff.ts';

describe('backoffMs', () => {
  it('doubles up to the cap', () => {
    const middle = () => 0.5;
    expect([1, 2, 3, 4, 5, 1_000].map((attempt) => backoffMs(attempt, 100, 1_000, middle))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  it('spreads a fifth either way', () => {
    expect(backoffMs(1, 100, 1_000, () => 0)).toBe(80);
    expect(backoffMs(1, 100, 1_000, () => 1)).toBe(120);
  });
});

describe('pause', () => {
  it('ends early, with false, when the signal aborts', async () => {
    const abort = new AbortController();
    const waiting = pause(60_000, abort.signal);
    abort.abort();
    expect(await waiting).toBe(false);
    expect(await pause(60_000, abort.signal)).toBe(false);
  });
});

describe('persist', () => {
  it('tries until it works and tells each failure', async () => {
    const failures: string[] = [];
    let tries = 0;
    const result = await persist(
      async () => {
        tries++;
        if (tries < 3) throw new Error(`try ${tries}`);
        return 'done';
      },
      {
        signal: NEVER,
        onFailure: (error, attempt) => failures.push(`${attempt}: ${error.message}`),
      },
    );
    expect(result).toBe('done');
    expect(failures).toEqual(['1: try 1', '2: try 2']);
  });

  it('gives up when the signal aborts', async () => {
    const abort = new AbortController();
    const result = await persist(() => Promise.reject(new Error('no')), {
      signal: abort.signal,
      onFailure: () => abort.abort(),
    });
    expect(result).toBeUndefined();
  });
});

describe('hasCause', () => {
  it('looks at the error and at what caused it, at any depth', () => {
    const error = new Error('a', { cause: new Error('b', { cause: new RangeError('c') }) });
    expect(hasCause(error, ({ message }) => message === 'a')).toBe(true);
    expect(hasCause(error, (cause) => cause instanceof RangeError)).toBe(true);
    expect(hasCause(error, ({ message }) => message === 'd')).toBe(false);
    expect(hasCause('a', () => true)).toBe(false);
  });
});
