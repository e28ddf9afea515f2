import { setTimeout as delay } from 'node:timers/promises';

/** The pause before try `attempt` (from 1): doubles from `firstMs` up to `maxMs`, with a fifth of jitter either way. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number, random = Math.random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (0.8 + random() * 0.4));
}

/** For what waits and is never told to stop. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Waits; resolves early, with false, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

interface PersistOptions {
  signal: AbortSignal;
  onFailure: (error: Error, attempt: number) => void;
}

/** Tries until it works, pausing up to 5 s between tries. Undefined when the signal aborted first. */
export async function persist<R>(
  work: () => Promise<R>,
  { signal, onFailure }: PersistOptions,
): Promise<R | undefined> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await work();
    } catch (error) {
      onFailure(asError(error), attempt);
      await pause(backoffMs(attempt, 200, 5_000), signal);
    }
  }
  return undefined;
}

/** What was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Whether an error, or what caused it at any depth, is such a one. */
export function hasCause(error: unknown, test: (cause: Error) => boolean): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (test(cause)) return true;
  return false;
}
