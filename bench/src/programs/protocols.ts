/** How a client of a push server speaks: what it sends after the handshake, and how one sees that it is ready and was pushed to. */
export interface Protocol {
  path: string;
  /** Sent in this order, each once the one before was answered. Nothing: the connection is ready when it is open. */
  hello: readonly { send: string; answeredBy: string }[];
  /** Stands once in each push. */
  push: string;
}

/** This system's. `since` as in SUB; null: live only. */
export function ours(channel: string, since: number | null): Protocol {
  const sub = { type: 'SUB', channels: [channel], ...(since === null ? {} : { since: { [channel]: since } }) };
  return {
    path: '/ws',
    hello: [{ send: JSON.stringify(sub), answeredBy: '"type":"SUB_SUCCESS"' }],
    push: '"type":"DECISION"',
  };
}

/** A server that pushes to everybody who connects. */
export const BARE: Protocol = { path: '/', hello: [], push: '"type":"DECISION"' };

/** Centrifuge's client protocol in JSON. */
export function centrifuge(channel: string): Protocol {
  return {
    path: '/connection/websocket',
    hello: [
      { send: JSON.stringify({ id: 1, connect: {} }), answeredBy: '"connect":' },
      { send: JSON.stringify({ id: 2, subscribe: { channel } }), answeredBy: '"subscribe":' },
    ],
    push: '"pub":',
  };
}

/** Socket.IO over Engine.IO 4, without polling first. */
export function socketIo(channel: string): Protocol {
  return {
    path: '/socket.io/?EIO=4&transport=websocket',
    hello: [
      { send: '40', answeredBy: '40{' },
      { send: `42${JSON.stringify(['subscribe', channel])}`, answeredBy: '["subscribed"' },
    ],
    push: '["decision"',
  };
}
