/** At most this much goes in one request of a topic, so never more for a partition: the client splits nothing itself. */
export const MAX_REQUEST_BYTES = 512 * 1024;
/** The client copies a partition's list for every message it adds: quadratic, so lists are kept short. */
export const MAX_REQUEST_MESSAGES = 1_000;

/**
 * How many messages from the front of the queue go into the next request: as many as fit, at least one (a message
 * larger than the limit goes alone).
 */
export function requestLength(queue: readonly { bytes: number }[]): number {
  let bytes = 0;
  let count = 0;
  for (const entry of queue) {
    bytes += entry.bytes;
    if (count > 0 && (bytes > MAX_REQUEST_BYTES || count === MAX_REQUEST_MESSAGES)) break;
    count++;
  }
  return count;
}
