import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Access,
  credentialFromUpgrade,
  type SocketAdmission,
  type SocketPass,
  TooManyConnections,
} from '@governsai/access';
import { AppError, CLOSE_CODES, type MessageLimits } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import { type WebSocket, WebSocketServer } from 'ws';
import { Connection } from './connection.ts';
import { AUTH_DEADLINE_MS } from './credential-gate.ts';
import type { ConnectionHost, MessageHandler } from './host.ts';
import { connectionSeconds, countClose, messagesReceived, openConnections } from './metrics.ts';
import { closeInTurn, restartDelayMs, restartReason } from './restart.ts';
import { Reverification } from './reverification.ts';
import { upgradeTrace } from './trace.ts';

const SUB_PROTOCOL = 'governsai.v1';
/** Shorter than the idle time-outs of common load balancers (60 s), so that they keep a quiet socket. */
const HEARTBEAT_MS = 25_000;
/** How long a peer may take to answer a close frame, a slow consumer's backlog included. */
const CLOSE_TIMEOUT_MS = 10_000;
/**
 * A message may come in as many fragments as ones of this size fill a frame: each costs memory beyond its bytes, so they are
 * bounded as well (1008).
 */
const FRAGMENT_BYTES = 64;
const MIN_FRAGMENTS = 1024;
/** Sockets above the cap that may be open at once only to be told 4429; more are cut off without a word. */
const MAX_REFUSALS = 1000;

export interface SocketServerOptions {
  /** Sockets are upgraded on it; the caller listens and closes. */
  server: Server;
  /** Paths that take an upgrade; any other is 404. */
  paths: readonly string[];
  access: Pick<Access, 'verify' | 'onChange' | 'onStale'>;
  limits: MessageLimits;
  /** Open connections of this process; one more is closed with 4429. */
  maxConnections: number;
  /** Connections of the process that are no sockets and count as well; none unless given. */
  othersOpen?: () => number;
  /** How long a client has for a valid AUTH, else it is closed with 4408. 5 s unless given. */
  authDeadlineMs?: number;
  log: Logger;
  /**
   * By message type. AUTH and PING are answered here. Messages of one connection reach their handlers in order; a handler
   * that waits does not hold up the next message.
   */
  handlers: Readonly<Record<string, MessageHandler>>;
  /** Where a client is, for keys that are bound to networks. The peer of the TCP connection unless given. */
  addressOf?: (request: IncomingMessage) => string | null;
  /** Limits and audits connections and messages; without it only `maxConnections` limits. */
  admission?: Pick<SocketAdmission, 'admitUpgrade' | 'open'>;
  /** The connection speaks for a principal, for the first time or with changed scopes. */
  onAuthenticated?: (connection: Connection) => void;
  /** The socket is closed. Messages received before may still be in their handlers. */
  onClose?: (connection: Connection) => void;
  /**
   * permessage-deflate. Off unless asked for: each socket would keep a zlib context for either direction, some 300 KiB with
   * the default windows against a few KiB without, and a push would be compressed once a socket instead of framed once.
   */
  compression?: boolean;
  /** Milliseconds between two pings: a peer that answered none of them by the next is dead, and cut off. 25 s unless given. */
  heartbeatMs?: number;
  /** For tests of the WebSocket protocol itself: every message is sent back as it came, and none is handled. */
  echo?: boolean;
}

export interface SocketServer {
  /** Open connections, authenticated or not. */
  readonly connections: ReadonlySet<Connection>;
  /**
   * Takes no new connection (503), lets handlers finish and closes the sockets with 1012 and `{"retryAfterMs":N}`, spread over
   * the time given; what is left at its end is cut off. Resolves when all are closed and no handler runs.
   */
  drain(seconds: number): Promise<void>;
}

/** A WebSocket server for `governsai.v1` on an existing HTTP server. It begins at once and ends with {@link SocketServer.drain}. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { server, access, limits, log, addressOf = peerAddress } = options;
  const { authDeadlineMs = AUTH_DEADLINE_MS, heartbeatMs = HEARTBEAT_MS } = options;
  const paths = new Set(options.paths);
  const handlers = new Map([['PING', pong], ...Object.entries(options.handlers)]);
  const reverification = new Reverification(access);
  const connections = new Set<Connection>();
  /** Connections whose handlers may still run, closed ones included. */
  const busy = new Set<Connection>();
  const authenticated = new Set<Connection>();
  const corked = new Set<Socket>();
  let refusals = 0;
  let draining = false;

  const wss = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.frameBytes,
    maxFragments: Math.max(MIN_FRAGMENTS, Math.ceil(limits.frameBytes / FRAGMENT_BYTES)),
    perMessageDeflate: options.compression ?? false,
    handleProtocols: (offered) => offered.has(SUB_PROTOCOL) && SUB_PROTOCOL,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0]);

  const host: ConnectionHost = {
    access: {
      verify: (...query) => access.verify(...query),
      reverify: reverification.verify,
    },
    limits,
    authDeadlineMs,
    log,
    echo: options.echo ?? false,
    handlerOf(type) {
      const handler = handlers.get(type);
      messagesReceived.inc({ type: handler ? type : 'unknown' });
      if (handler) return handler;
      const known = ['AUTH', ...handlers.keys()].join(', ');
      throw new AppError('UNKNOWN_TYPE', `type: "${type.slice(0, 64)}" is unknown: use one of ${known}`, {
        path: 'type',
      });
    },
    authenticated(connection) {
      reverification.add(connection);
      authenticated.add(connection);
      countConnections();
      options.onAuthenticated?.(connection);
    },
    uncorkLater(socket) {
      if (corked.size === 0) setImmediate(uncork);
      corked.add(socket);
    },
  };

  function uncork(): void {
    const sockets = [...corked];
    corked.clear();
    for (const socket of sockets) socket.uncork();
  }

  // Made here, once: made with an upgrade they would hold its request, and the key in its URL, as long as the socket lives.
  const socketFailed = (error: Error) => log.debug({ err: error }, 'a socket failed');
  const webSocketFailed = (error: Error) => log.debug({ err: error }, 'a WebSocket failed');

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', socketFailed);
    const path = (request.url ?? '').split('?', 1)[0] as string;
    if (!paths.has(path)) {
      refuseUpgrade(socket, '404 Not Found');
    } else if (draining || refusals >= MAX_REFUSALS) {
      refuseUpgrade(socket, '503 Service Unavailable');
    } else if (admits(request, socket)) {
      wss.handleUpgrade(request, socket, head, (ws) => {
        ws.on('error', webSocketFailed);
        if (connections.size + (options.othersOpen?.() ?? 0) >= options.maxConnections) refuse(ws);
        else accept(ws, socket as Socket, request, path);
      });
    }
  }

  function admits(request: IncomingMessage, socket: Duplex): boolean {
    try {
      options.admission?.admitUpgrade(request);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const seconds = Math.ceil((error.retryAfterMs ?? 0) / 1000);
      if (error.code === 'RATE_LIMITED') refuseUpgrade(socket, '429 Too Many Requests', `Retry-After: ${seconds}\r\n`);
      else refuseUpgrade(socket, '403 Forbidden');
      return false;
    }
  }

  /** What the connection may do; undefined when there are too many of its address. */
  function passOf(request: IncomingMessage): SocketPass | null | undefined {
    try {
      return options.admission?.open(request) ?? null;
    } catch (error) {
      if (error instanceof TooManyConnections) return undefined;
      throw error;
    }
  }

  function refuse(ws: WebSocket): void {
    refusals++;
    ws.on('close', () => {
      refusals--;
      countClose(CLOSE_CODES.tooManyConnections);
    });
    ws.close(CLOSE_CODES.tooManyConnections, 'too many connections here: retry later');
  }

  function accept(ws: WebSocket, socket: Socket, request: IncomingMessage, path: string): void {
    const pass = passOf(request);
    if (pass === undefined) {
      refuse(ws);
      return;
    }
    const { credential, org } = credentialFromUpgrade(request);
    const ip = addressOf(request);
    const connection = new Connection(host, ws, socket, { path, org, ip, trace: upgradeTrace(request), pass });
    connections.add(connection);
    busy.add(connection);
    countConnections();
    const heartbeat = setInterval(() => {
      if (!connection.heartbeat()) connection.terminate();
    }, heartbeatMs);
    ws.on('close', (code) => {
      clearInterval(heartbeat);
      countClose(code);
      pass?.close();
      forget(connection);
    });
    connection.open(credential);
  }

  function countConnections(): void {
    openConnections.set({ state: 'authenticated' }, authenticated.size);
    openConnections.set({ state: 'authenticating' }, connections.size - authenticated.size);
  }

  function forget(connection: Connection): void {
    connections.delete(connection);
    authenticated.delete(connection);
    countConnections();
    connectionSeconds.observe((Date.now() - connection.openedAt.getTime()) / 1000);
    if (connection.isAuthenticated) reverification.delete(connection);
    options.onClose?.(connection);
    void connection.idle().then(() => busy.delete(connection));
  }

  access.onStale(() => {
    for (const connection of connections) connection.close(CLOSE_CODES.restart, restartReason());
  });

  server.on('upgrade', onUpgrade);

  return {
    connections,
    async drain(seconds) {
      draining = true;
      const deadline = AbortSignal.timeout(seconds * 1000);
      const closing = closeInTurn([...connections], seconds, deadline, (open) => open.drain(restartDelayMs()));
      const done = closing.then(() => allClosed());
      await Promise.race([done, new Promise((resolve) => deadline.addEventListener('abort', resolve, { once: true }))]);
      for (const connection of connections) connection.terminate();
    },
  };

  async function allClosed(): Promise<void> {
    while (connections.size > 0 || busy.size > 0) await delay(20);
  }
}

const pong: MessageHandler = (connection) => connection.send({ type: 'PONG', timestamp: new Date().toISOString() });

function peerAddress(request: IncomingMessage): string | null {
  return request.socket.remoteAddress ?? null;
}

function refuseUpgrade(socket: Duplex, status: string, headers = ''): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${headers}Content-Length: 0\r\n\r\n`);
}
