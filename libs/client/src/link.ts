import { Backoff } from './backoff.ts';
import { Connection, type ConnectionEnd, type Identity } from './connection.ts';
import { isRefreshable, isRenewable, type Shown, show } from './credentials.ts';
import { AuthenticationError, GovernsaiError } from './errors.ts';
import type { ServerMessage } from './messages.ts';
import type { Settings } from './options.ts';
import type { OpenSocket } from './socket.ts';
import { pause, unlessAborted } from './timing.ts';

/** What becomes of the connection. `error` says why it is not there. */
export type ConnectionState =
  | { state: 'connecting' }
  | { state: 'connected'; identity: Identity | null }
  | { state: 'reconnecting'; error: GovernsaiError; retryInMs: number }
  | { state: 'closed'; error: GovernsaiError | null };

/** A connection that held this long begins its pauses anew. */
const STEADY_MS = 10_000;
/** Refusals in a row, each of a credential just obtained, before the provider's word is not taken any more. */
const MAX_REFUSALS = 2;

/** Tokens that were given out together are not renewed together. */
const REFRESH_JITTER = 0.2;
/** A provider that gives tokens about to expire is not asked more often. */
const MIN_REFRESH_MS = 100;
/** Stands for the close code where there was no credential to connect with. */
const UNOBTAINED = 0;

export interface LinkEvents {
  onState(state: ConnectionState): void;
  onReady(connection: Connection): void;
  onMessage(message: ServerMessage): void;
  /** The connection is gone; the next one follows, unless the link has ended. */
  onLost(end: ConnectionEnd): void;
}

/** Keeps one connection open, renews its credential, and makes the next one when it ends, until it is stopped or refused. */
export class Link {
  readonly #settings: Settings;
  readonly #openSocket: OpenSocket;
  readonly #events: LinkEvents;
  readonly #stopped = new AbortController();
  readonly #backoff: Backoff;
  #connection: Connection | null = null;
  #refusals = 0;

  constructor(settings: Settings, openSocket: OpenSocket, events: LinkEvents) {
    this.#settings = settings;
    this.#openSocket = openSocket;
    this.#events = events;
    this.#backoff = new Backoff(settings.backoff);
  }

  /** Runs until {@link stop}, or until the credential is refused for good: resolves with that refusal, else with null. */
  async run(): Promise<GovernsaiError | null> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#events.onState({ state: 'connecting' });
      const end = await this.#connect();
      if (signal.aborted) break;
      if (this.#isFinal(end)) return end.error;
      const retryInMs = this.#backoff.next(end.retryAfterMs);
      this.#events.onState({ state: 'reconnecting', error: end.error, retryInMs });
      await pause(retryInMs, signal);
    }
    return null;
  }

  /** Closes the connection in order and makes no other. */
  stop(): void {
    this.#stopped.abort();
    this.#connection?.close();
  }

  /** The same at once. */
  drop(): void {
    this.#stopped.abort();
    this.#connection?.drop('closed');
  }

  /** One connection, from its credential to its end. Never rejects. */
  async #connect(): Promise<ConnectionEnd> {
    const { signal } = this.#stopped;
    let shown: Shown;
    try {
      shown = await unlessAborted(show(this.#settings.credential, signal), signal);
    } catch (error) {
      return unobtained(error);
    }
    const url = new URL(this.#settings.url);
    if (shown.ticket !== null) url.searchParams.set('ticket', shown.ticket);
    let readyAt: number | null = null;
    const ended = new AbortController();
    const end = await new Promise<ConnectionEnd>((resolve) => {
      const connection = new Connection({
        ...this.#settings,
        openSocket: this.#openSocket,
        url: url.href,
        shown,
        onReady: (identity) => {
          readyAt = Date.now();
          this.#refusals = 0;
          this.#events.onState({ state: 'connected', identity });
          this.#events.onReady(connection);
          if (isRefreshable(this.#settings.credential)) void this.#keepFresh(connection, shown, ended.signal);
        },
        onMessage: (message) => this.#events.onMessage(message),
        onEnd: resolve,
      });
      this.#connection = connection;
    });
    ended.abort();
    this.#connection = null;
    if (readyAt !== null) {
      if (Date.now() - readyAt >= STEADY_MS) this.#backoff.reset();
      this.#events.onLost(end);
    }
    return end;
  }

  /** Whether another attempt could not end otherwise. */
  #isFinal({ code, error }: ConnectionEnd): boolean {
    if (!(error instanceof AuthenticationError)) return false;
    if (code === UNOBTAINED || !isRenewable(this.#settings.credential)) return true;
    return ++this.#refusals >= MAX_REFUSALS;
  }

  /** Shows a new token on the open connection before the present one expires, as long as the connection lasts. */
  async #keepFresh(connection: Connection, first: Shown, ended: AbortSignal): Promise<void> {
    let { expiresAt } = first;
    const retries = new Backoff(this.#settings.backoff);
    while (expiresAt !== null && !ended.aborted) {
      const left = expiresAt - Date.now();
      const ahead = Math.min(this.#settings.refreshBeforeMs, left / 5) * (1 + REFRESH_JITTER * Math.random());
      await pause(Math.max(MIN_REFRESH_MS, left - ahead), ended);
      let isShown = false;
      while (!isShown && !ended.aborted) {
        try {
          const fresh = await unlessAborted(show(this.#settings.credential, this.#stopped.signal), ended);
          if (ended.aborted || !fresh.auth) return;
          await connection.authenticate(fresh.auth);
          expiresAt = fresh.expiresAt;
          isShown = true;
        } catch (error) {
          // Until it expires the old one is good; then the server closes, and the next connection asks again.
          const asked = error instanceof GovernsaiError ? error.retryAfterMs : undefined;
          await pause(retries.next(asked), ended);
        }
      }
      retries.reset();
    }
  }
}

function unobtained(cause: unknown): ConnectionEnd {
  // The provider itself says that there is no credential any more.
  const isGone = cause instanceof AuthenticationError;
  const message = `no credential to connect with: ${cause instanceof Error ? cause.message : String(cause)}`;
  return {
    code: UNOBTAINED,
    error: isGone ? cause : new GovernsaiError('CONNECTION_LOST', message, { cause }),
    retryAfterMs: undefined,
  };
}
