/** What a WebSocket tells. `onClose` is called once, also when it never opened. */
export interface SocketEvents {
  onOpen(): void;
  onText(text: string): void;
  /** `refusal`: what is known of an upgrade that was answered by HTTP, or of a network failure. */
  onClose(code: number, reason: string, refusal?: { error?: unknown; retryAfterMs?: number | undefined }): void;
}

/** A WebSocket as this package needs it. */
export interface Socket {
  send(text: string): void;
  /** Ends in order. */
  close(code: number): void;
  /** Lets go at once of a peer that may be dead; nothing more is told. */
  drop(): void;
}

/** Opens a socket; throws only for a URL that is none. */
export type OpenSocket = (url: string, protocol: string, events: SocketEvents) => Socket;

/** The part of the WHATWG WebSocket interface that is used; the global one of browsers and the class of `ws` have it. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown } & never) => void) | null;
  onclose: ((event: { code: number; reason: string } & never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

/** Wraps a WHATWG WebSocket. */
export function adoptWebSocket(socket: WebSocketLike, events: SocketEvents): Socket {
  let error: unknown;
  const handlers = {
    onopen: () => events.onOpen(),
    onmessage: ({ data }: { data: unknown }) => events.onText(String(data)),
    // A browser says nothing in it; other implementations may.
    onerror: (event: unknown) => {
      error = (event as { error?: unknown } | undefined)?.error;
    },
    onclose: ({ code, reason }: { code: number; reason: string }) => events.onClose(code, reason, { error }),
  };
  Object.assign(socket, handlers);
  return {
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
    drop() {
      Object.assign(socket, { onopen: null, onmessage: null, onclose: null, onerror: () => {} });
      socket.close();
    },
  };
}
