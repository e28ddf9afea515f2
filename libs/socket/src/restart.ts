import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Clients come back spread over this time after a restart. */
const MIN_RETRY_MS = 500;
const RETRY_JITTER_MS = 4500;
/** Few connections are closed so long after each other; it keeps the clients' return smooth. */
const PAUSE_MS = 10;
/** Many connections share so much of the time there is; the rest is for the last ones to finish what they do. */
const SHARE = 0.7;

/** How long a client is told to stay away when its connection is closed though nothing is wrong with it, in milliseconds. */
export function restartDelayMs(): number {
  return MIN_RETRY_MS + Math.floor(Math.random() * RETRY_JITTER_MS);
}

/** The reason of a close with 1012. */
export function restartReason(): string {
  return JSON.stringify({ retryAfterMs: restartDelayMs() });
}

/** The time between the closes of so many connections when there are so many seconds for all, in milliseconds. */
export function pauseMs(connections: number, seconds: number): number {
  return Math.min(PAUSE_MS, (seconds * 1000 * SHARE) / Math.max(connections, 1));
}

/**
 * Calls `close` for each connection, one after the other with pauses, so that their clients do not all come back at once; what
 * is left when `deadline` aborts is closed then. Resolves when every close has; a slow one holds up no other.
 */
export async function closeInTurn<Connection>(
  connections: readonly Connection[],
  seconds: number,
  deadline: AbortSignal,
  close: (connection: Connection) => void | Promise<void>,
): Promise<void> {
  const pause = pauseMs(connections.length, seconds);
  setMaxListeners(0, deadline);
  await Promise.all(
    connections.map(async (connection, index) => {
      await delay(index * pause, undefined, { signal: deadline }).catch(() => {});
      await close(connection);
    }),
  );
}
