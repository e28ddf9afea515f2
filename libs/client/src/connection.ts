import type { Shown } from './credentials.ts';
import { AuthenticationError, errorOf, GovernsaiError } from './errors.ts';
import { type AuthSuccess, CLOSE_CODES, type ServerError, type ServerMessage } from './messages.ts';
import type { OpenSocket, Socket } from './socket.ts';

const SUB_PROTOCOL = 'governsai.v1';
/** What the server may take for AUTH, SUB or UNSUB before the connection counts as broken. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Who the connection speaks for. */
export interface Identity {
  orgId: string;
  /** Null for a key that belongs to no user. */
  userId: string | null;
}

/** Why a connection is over. */
export interface ConnectionEnd {
  /** The close code; 1006 when there was none. */
  code: number;
  error: GovernsaiError;
  /** What the server asks to wait for. */
  retryAfterMs: number | undefined;
}

export interface ConnectionOptions {
  openSocket: OpenSocket;
  url: string;
  shown: Shown;
  connectTimeoutMs: number;
  pingIntervalMs: number;
  pongTimeoutMs: number;
  /** The credential is good; null: a ticket, which does not say whose it is. */
  onReady: (identity: Identity | null) => void;
  /** What is no answer to a request. */
  onMessage: (message: ServerMessage) => void;
  /** Called once, last of all. */
  onEnd: (end: ConnectionEnd) => void;
}

/** A message whose answer has no id: one is under way at a time. */
export interface Request {
  message: object;
  /** The type of its answer. */
  answer: ServerMessage['type'];
  /** The channel that its answer has to name. */
  channel?: string;
  resolve: (message: ServerMessage) => void;
  reject: (error: GovernsaiError) => void;
}

/** One socket, from its opening to its end: authenticates, notices when the peer is dead, matches answers to requests. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #requests: Request[] = [];
  #timer: ReturnType<typeof setTimeout>;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  /** The last one that was about nothing in particular: it explains the close that follows. */
  #lastError: ServerError | null = null;
  #isEnded = false;
  #isHeard = true;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const late = `not connected within ${options.connectTimeoutMs} ms`;
    this.#timer = setTimeout(() => this.#abandon(late), options.connectTimeoutMs);
    const events = {
      onOpen: () => this.#begin(),
      onText: (text: string) => this.#receive(text),
      onClose: (code: number, reason: string, refusal?: { error?: unknown; retryAfterMs?: number | undefined }) =>
        this.#end(this.#endOf(code, reason, refusal)),
    };
    this.#socket = options.openSocket(options.url, SUB_PROTOCOL, events);
  }

  /** Sends a text frame. */
  send(text: string): void {
    if (!this.#isEnded) this.#socket.send(text);
  }

  /**
   * Sends a message whose answer has no id. `reject` gets what the server says, or CONNECTION_LOST when the connection ends
   * first. Either is called before the next message is read: what follows an answer must find it taken in.
   */
  request(request: Request): void {
    if (this.#isEnded) return request.reject(new GovernsaiError('CONNECTION_LOST', 'the connection has ended'));
    this.#requests.push(request);
    if (this.#requests.length === 1) this.#sendRequest();
  }

  /** Shows a credential; resolves once it is good, rejects as {@link request} says. */
  authenticate(auth: NonNullable<Shown['auth']>): Promise<AuthSuccess> {
    return new Promise((resolve, reject) => {
      this.request({ message: auth, answer: 'AUTH_SUCCESS', resolve: resolve as Request['resolve'], reject });
    });
  }

  /** Closes in order; `onEnd` follows. */
  close(): void {
    if (this.#isEnded) return;
    this.#socket.close(1000);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abandon('closed'), this.#options.pongTimeoutMs);
  }

  /** Lets go of the socket at once; `onEnd` follows before this returns. */
  drop(reason: string): void {
    this.#abandon(reason);
  }

  #begin(): void {
    const { auth, ticket } = this.#options.shown;
    // With a ticket the server has nothing to answer: it handles PING once it has taken the ticket.
    this.request({
      message: auth ?? { type: 'PING' },
      answer: auth ? 'AUTH_SUCCESS' : 'PONG',
      resolve: (answer) => {
        clearTimeout(this.#timer);
        this.#beat();
        const { orgId, userId } = answer as AuthSuccess;
        this.#options.onReady(ticket === null ? { orgId, userId } : null);
      },
      // A refusal is followed by the close that says what it means; the timer of connecting sees to one that is not.
      reject: () => {},
    });
  }

  /** Asks for a sign of life, again and again: a peer that is cut off says nothing, and TCP may take minutes to notice. */
  #beat(): void {
    const { pingIntervalMs, pongTimeoutMs } = this.#options;
    this.#timer = setTimeout(() => {
      this.#isHeard = false;
      this.send('{"type":"PING"}');
      this.#timer = setTimeout(() => this.#judge(pongTimeoutMs), pongTimeoutMs);
    }, pingIntervalMs);
  }

  #judge(pongTimeoutMs: number): void {
    // A program that was busy, or asleep, has not read yet what came meanwhile: it reads before this next timer.
    this.#timer = setTimeout(() => {
      if (this.#isHeard) this.#beat();
      else this.#abandon(`the server gave no sign of life for ${pongTimeoutMs} ms`);
    }, 0);
  }

  #receive(text: string): void {
    if (this.#isEnded) return;
    this.#isHeard = true;
    let message: ServerMessage;
    try {
      message = JSON.parse(text) as ServerMessage;
    } catch {
      return this.#abandon('the server sent something that is not JSON');
    }
    if (message.type === 'ERROR' && message.id === undefined && message.channel === undefined) {
      this.#lastError = message;
    }
    if (!this.#isAnswer(message)) this.#options.onMessage(message);
  }

  /** Settles the request under way if this is its answer. */
  #isAnswer(message: ServerMessage): boolean {
    const request = this.#requests[0];
    if (!request) return false;
    if (message.type === request.answer) {
      const { channel } = request;
      // The answer for a channel that was refused does not name it: its ERROR came before.
      if (channel !== undefined && !(message as { channels: string[] }).channels.includes(channel)) return false;
      this.#settled();
      request.resolve(message);
      return true;
    }
    if (message.type !== 'ERROR' || message.id !== undefined || message.code === 'PAYLOAD_TOO_LARGE') return false;
    if (message.channel !== undefined && message.channel !== request.channel) return false;
    this.#settled();
    request.reject(errorOf(message));
    return true;
  }

  #settled(): void {
    clearTimeout(this.#answerTimer);
    this.#requests.shift();
    if (this.#requests.length > 0) this.#sendRequest();
  }

  #sendRequest(): void {
    this.#answerTimer = setTimeout(
      () => this.#abandon(`the server gave no answer within ${ANSWER_TIMEOUT_MS} ms`),
      ANSWER_TIMEOUT_MS,
    );
    this.send(JSON.stringify(this.#requests[0]?.message));
  }

  #abandon(reason: string): void {
    if (this.#isEnded) return;
    this.#socket.drop();
    this.#end({ code: 1006, error: new GovernsaiError('CONNECTION_LOST', reason), retryAfterMs: undefined });
  }

  #end(end: ConnectionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#answerTimer);
    for (const { reject } of this.#requests.splice(0)) reject(end.error);
    this.#options.onEnd(end);
  }

  #endOf(
    code: number,
    reason: string,
    refusal: { error?: unknown; retryAfterMs?: number | undefined } = {},
  ): ConnectionEnd {
    const said = this.#lastError && errorOf(this.#lastError);
    if (code === CLOSE_CODES.unauthorized) {
      const known = said instanceof AuthenticationError ? said : null;
      const error = known ?? new AuthenticationError('AUTH_FAILED', reason || 'the credential was refused');
      return { code, error, retryAfterMs: undefined };
    }
    const cause = said ?? refusal.error;
    const because = reason === '' || reason.startsWith('{') ? messageOf(cause) : reason;
    const error = new GovernsaiError(
      'CONNECTION_LOST',
      `the connection ended with ${code}${because && `: ${because}`}`,
      {
        cause,
      },
    );
    return { code, error, retryAfterMs: askedFor(reason) ?? refusal.retryAfterMs };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/** The `{"retryAfterMs":N}` of a close frame. */
function askedFor(reason: string): number | undefined {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown };
    return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined;
  } catch {
    return undefined;
  }
}
