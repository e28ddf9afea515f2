import { Client } from './client.ts';
import { openNodeSocket } from './node-socket.ts';
import type { ClientOptions } from './options.ts';

export * from './exports.ts';

/**
 * Connects, and stays connected until `close()`. Returns at once: what is given before the connection is there waits for it.
 * Throws INVALID_OPTIONS.
 */
export function connect(options: ClientOptions): Client {
  return new Client(options, openNodeSocket);
}
