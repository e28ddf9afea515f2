import { Client } from './client.ts';
import type { ClientOptions } from './options.ts';
import { adoptWebSocket } from './socket.ts';

export * from './exports.ts';

/** As the `connect` of Node, with the WebSocket of the browser (or of Deno, Bun, a worker). */
export function connect(options: ClientOptions): Client {
  return new Client(options, (url, protocol, events) => adoptWebSocket(new WebSocket(url, protocol), events));
}
