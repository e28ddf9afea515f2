import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Access, Credential, SocketPass } from '@governsai/access';
import { AppError, CLOSE_CODES, type Principal } from '@governsai/contracts';
import { describeActiveSpan, RPC } from '@governsai/telemetry';
import type { WebSocket } from 'ws';
import { type Claims, CredentialGate } from './credential-gate.ts';
import { closeCode, type ErrorContext, errorMessage } from './error-message.ts';
import { type Framed, frameMessage } from './frame.ts';
import { GateDoor } from './gate-door.ts';
import type { ConnectionHost } from './host.ts';
import { Inbox } from './inbox.ts';
import { MessageError, messageId, parseMessage } from './message.ts';
import { errorsSent, messageSeconds } from './metrics.ts';
import { nextDrain } from './next-drain.ts';
import { traced, type UpgradeTrace } from './trace.ts';

/** Unsent bytes at which a socket's reading pauses: who does not read answers may not ask for more of them. */
const MAX_UNSENT_BYTES = 1024 * 1024;

/** What a client is told to wait when the error does not say. */
const DEFAULT_RETRY_MS = 1000;

/** How long a look at a socket that compresses is put off. */
const COMPRESSION_PAUSE_MS = 10;

/** One client's WebSocket. Handlers answer through it; all sends are dropped once it closes, none of them throws. */
export class Connection {
  /** Unique, 32 hex digits. Not a UUID of Node.js, which is a tree of twenty small strings: half a kilobyte a socket. */
  readonly id = randomBytes(16).toString('hex');
  /** The path it was opened on, without the query. */
  readonly path: string;
  /** Where the client is; null when that is not known. */
  readonly ip: string | null;
  readonly openedAt = new Date();
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #trace: UpgradeTrace;
  readonly #inbox: Inbox<Buffer | AppError>;
  readonly #gate: CredentialGate;
  readonly #pass: SocketPass | null;
  #refused = false;
  #heard = true;
  #stopReading = false;
  #backedUp = false;

  /** Made by the server, which then calls {@link open}. */
  constructor(
    host: ConnectionHost,
    ws: WebSocket,
    socket: Socket,
    request: Claims & { path: string; trace: UpgradeTrace; pass: SocketPass | null },
  ) {
    this.#host = host;
    this.#ws = ws;
    this.#socket = socket;
    this.path = request.path;
    this.ip = request.ip;
    this.#trace = request.trace;
    const { pass } = request;
    this.#pass = pass;
    this.#inbox = new Inbox(
      (item) => this.#process(item),
      () => this.#updateReading(),
    );
    const access = pass
      ? {
          ...host.access,
          verify: (...[credential, org = null]: Parameters<Access['verify']>) => pass.authenticate(credential, org),
        }
      : host.access;
    const door = new GateDoor(this, this.#inbox, host);
    this.#gate = new CredentialGate(access, request, door, host.authDeadlineMs);
    ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on('pong', () => {
      this.#heard = true;
    });
    ws.on('close', () => this.#gate.stop());
    socket.on('drain', () => {
      this.#backedUp = false;
      this.#updateReading();
    });
  }

  /** Starts the clock of authentication, with the credential of the upgrade if there was one. */
  open(credential: Credential | null): void {
    this.#gate.open(credential);
  }

  /** Who speaks. Handlers run only once this is known; throws before. */
  get principal(): Principal {
    return this.#gate.principal;
  }

  get isAuthenticated(): boolean {
    return this.#gate.isOpen;
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  /** Bytes handed to the socket that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** Bytes that the kernel has taken, handshake and headers included. */
  get bytesSent(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Sends one message as JSON. */
  send(message: object): void {
    if (!this.isOpen) return;
    this.#cork();
    this.#ws.send(JSON.stringify(message));
    this.#watchBuffer();
  }

  /**
   * Sends an ERROR; closes the socket when the error's code says so. `id` is the idempotencyKey it is about, `type` that of the
   * message it answers, as a handler knows it.
   */
  sendError(error: AppError, extra: ErrorContext = {}): void {
    errorsSent.inc({ code: error.code, type: extra.type ?? 'none' });
    describeActiveSpan(() => ({ [RPC.status]: error.code }));
    this.send(errorMessage(error, extra));
    const close = closeCode(error.code);
    if (close !== undefined) this.#end(close, error.code);
  }

  /**
   * Sends a message that was framed once for many sockets. Writes of one turn of the event loop leave in one system call.
   */
  sendFramed(message: Framed): void {
    if (!this.isOpen) return;
    this.#cork();
    // A socket with compression keeps its own queue, which raw bytes would overtake.
    if (this.#ws.extensions === '') this.#socket.write(message.frame);
    else this.#ws.send(message.payload, { binary: message.isBinary });
    this.#watchBuffer();
  }

  /** Closes; what was received before is still handled. The reason is at most 123 bytes. */
  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  /** Tells an error and closes without handling anything that waits: the client may not speak here. */
  refuse(error: AppError): void {
    this.sendError(error);
    if (closeCode(error.code) === undefined) {
      this.#end(CLOSE_CODES.restart, JSON.stringify({ retryAfterMs: error.retryAfterMs ?? DEFAULT_RETRY_MS }));
    }
  }

  /**
   * Asks access again whether the credential is still good; closes the socket when it is not, or with 1012 when that cannot be
   * found out for `patienceMs`.
   */
  reverify(patienceMs: number): void {
    this.#gate.reverify(patienceMs);
  }

  /** Stops reading, lets the handlers finish, then closes with 1012. Resolves once the close frame is on its way. */
  async drain(retryAfterMs: number): Promise<void> {
    this.#stopReading = true;
    this.#updateReading();
    await this.#inbox.idle();
    this.close(CLOSE_CODES.restart, JSON.stringify({ retryAfterMs }));
    // The peer's close frame has to be read, and what it sent before it is still handled.
    this.#stopReading = false;
    this.#updateReading();
  }

  /** Resolves when no message waits or is being handled, whether the socket is still open or not. */
  idle(): Promise<void> {
    return this.#inbox.idle();
  }

  /** Asks for a sign of life. False when the last one was not answered: the peer is dead. */
  heartbeat(): boolean {
    // While we do not read, its pong lies unread with us and proves nothing.
    if (!this.#heard && !this.#ws.isPaused) return false;
    this.#heard = false;
    if (this.isOpen) this.#ws.ping();
    return true;
  }

  /**
   * Resolves with true when the kernel has taken what was sent, with false when `withinMs` pass first or the socket closes.
   * With compression it may come early: look at `bufferedBytes`.
   */
  drained(withinMs: number): Promise<boolean> {
    if (!this.isOpen) return Promise.resolve(false);
    if (this.bufferedBytes === 0) return Promise.resolve(true);
    // What a socket still compresses is not in its stream yet, which then has nothing to say.
    if (!this.#socket.writableNeedDrain) return delay(COMPRESSION_PAUSE_MS, true);
    return nextDrain(this.#socket, withinMs);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  #end(code: number, reason: string): void {
    this.#refused = true;
    this.#inbox.discard();
    this.close(code, reason);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heard = true;
    if (this.#refused) return;
    if (this.#host.echo) {
      this.sendFramed(frameMessage(data, isBinary));
    } else if (isBinary) {
      this.#inbox.push(
        new AppError('VALIDATION_FAILED', 'binary frames are not understood: send JSON in text frames'),
        0,
      );
    } else if (data.length > this.#host.limits.messageBytes) {
      const message = `the message has ${data.length} bytes and may have ${this.#host.limits.messageBytes}: send less data in one`;
      this.#inbox.push(new AppError('PAYLOAD_TOO_LARGE', message), 0);
    } else {
      this.#inbox.push(data, data.length);
    }
  }

  async #process(item: Buffer | AppError): Promise<void> {
    let id: string | undefined;
    let type: string | undefined;
    try {
      if (item instanceof AppError) throw item;
      const message = parseMessage(item.toString());
      id = messageId(message);
      if (message.type === 'AUTH') return await this.#gate.authenticate(message);
      if (!this.#gate.isOpen) {
        throw new AppError('AUTH_FAILED', 'not authenticated: send AUTH with apiKey or token before anything else');
      }
      this.#pass?.spend(this.principal);
      const handler = this.#host.handlerOf(message.type);
      type = message.type;
      // A heartbeat is no part of a producer's trace.
      const handle = () => handler(this, message, item.length);
      const stop = messageSeconds.startTimer({ type });
      try {
        await (message.type === 'PING' ? handle() : traced(message, this.#trace, handle));
      } finally {
        stop();
      }
    } catch (error) {
      if (error instanceof AppError) {
        this.sendError(error, { id: error instanceof MessageError ? error.id : id, type });
        return;
      }
      this.#host.log.error({ err: error, connection: this.id }, 'a message handler failed');
      this.sendError(new AppError('INTERNAL', 'the message could not be handled: retry, and report it if it stays'), {
        id,
        type,
      });
    }
  }

  #cork(): void {
    if (this.#socket.writableCorked > 0) return;
    this.#socket.cork();
    this.#host.uncorkLater(this.#socket);
  }

  #watchBuffer(): void {
    if (this.#backedUp || this.bufferedBytes < MAX_UNSENT_BYTES) return;
    this.#backedUp = true;
    this.#updateReading();
  }

  #updateReading(): void {
    const pause = this.#inbox.paused || this.#stopReading || this.#backedUp;
    if (pause && !this.#ws.isPaused) this.#ws.pause();
    else if (!pause && this.#ws.isPaused) this.#ws.resume();
  }
}
