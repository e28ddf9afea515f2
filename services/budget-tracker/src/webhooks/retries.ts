const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long to wait after each try that failed; after the last there is no other. As the specification advises, over a day. */
const PAUSES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
const LONGEST = 10 * HOUR;

/**
 * Milliseconds until the try after the `attempts`-th failed one; null when there is none. A receiver may ask for longer.
 * `random` (0 to 1) spreads them by up to a fifth, so that not all come at once.
 */
export function nextPause(attempts: number, retryAfterMs: number | null, random = Math.random()): number | null {
  const pause = PAUSES[attempts - 1];
  if (pause === undefined) return null;
  return Math.max(pause * (1 + random / 5), Math.min(retryAfterMs ?? 0, LONGEST));
}
