import type { BackoffBounds } from './backoff.ts';
import type { Credential } from './credentials.ts';
import { GovernsaiError } from './errors.ts';
import type { WebSocketLike } from './socket.ts';

/** How to connect. Everything but `url` and the credential has a default. */
export type ClientOptions = Credential & ClientSettings;

export interface ClientSettings {
  /** `https://governsai.example` or `wss://…`; the path is `/ws` unless the URL has one. */
  url: string;
  /** The org the credential must belong to; the connection is refused if it does not. */
  org?: string | undefined;
  /** Aborting it closes the client at once: what has no answer rejects. */
  signal?: AbortSignal | undefined;
  /** Messages that may have no answer yet: queued or sent. 10,000. */
  maxQueuedMessages?: number | undefined;
  /** Their bytes. 16 MiB. */
  maxQueuedBytes?: number | undefined;
  /** What `ingest` does when the queue is full: reject with QUEUE_FULL (`reject`), or wait for room (`wait`). */
  whenFull?: 'reject' | 'wait' | undefined;
  /** Messages sent at once without an answer. 256: the server reads no further. */
  maxInFlight?: number | undefined;
  /** A larger message is refused without being sent, as the server would. 65,536. */
  maxMessageBytes?: number | undefined;
  /** How long opening and authenticating may take. 10,000. */
  connectTimeoutMs?: number | undefined;
  /** Pause between two signs of life that the server is asked for. 15,000. */
  pingIntervalMs?: number | undefined;
  /** How long it may take to give one before the connection counts as dead. 10,000. */
  pongTimeoutMs?: number | undefined;
  /** Pauses between attempts. 200 to 20,000. */
  backoff?: Partial<BackoffBounds> | undefined;
  /** How long before a token expires it is renewed; a fifth of its life when that is shorter. 60,000. */
  refreshBeforeMs?: number | undefined;
  /** Makes the WebSocket, for proxies, certificates or another implementation. */
  webSocket?: ((url: string, protocol: string) => WebSocketLike) | undefined;
}

/** The options with every default filled in. */
export interface Settings {
  url: URL;
  credential: Credential;
  maxQueuedMessages: number;
  maxQueuedBytes: number;
  whenFull: 'reject' | 'wait';
  maxInFlight: number;
  maxMessageBytes: number;
  connectTimeoutMs: number;
  pingIntervalMs: number;
  pongTimeoutMs: number;
  backoff: BackoffBounds;
  refreshBeforeMs: number;
}

/** Throws INVALID_OPTIONS with the option at fault. */
export function settingsOf(options: ClientOptions): Settings {
  const credentials = ['apiKey', 'token', 'ticket'].filter((name) => options[name as keyof Credential] !== undefined);
  if (credentials.length !== 1) {
    throw invalid('apiKey', `give exactly one of apiKey, token and ticket, not ${credentials.join(' and ') || 'none'}`);
  }
  const backoff = {
    minMs: positive('backoff.minMs', options.backoff?.minMs ?? 200),
    maxMs: positive('backoff.maxMs', options.backoff?.maxMs ?? 20_000),
  };
  return {
    url: socketUrl(options.url, options.org),
    credential: options,
    maxQueuedMessages: positive('maxQueuedMessages', options.maxQueuedMessages ?? 10_000),
    maxQueuedBytes: positive('maxQueuedBytes', options.maxQueuedBytes ?? 16 * 1024 * 1024),
    whenFull: options.whenFull ?? 'reject',
    maxInFlight: positive('maxInFlight', options.maxInFlight ?? 256),
    maxMessageBytes: positive('maxMessageBytes', options.maxMessageBytes ?? 64 * 1024),
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    pingIntervalMs: positive('pingIntervalMs', options.pingIntervalMs ?? 15_000),
    pongTimeoutMs: positive('pongTimeoutMs', options.pongTimeoutMs ?? 10_000),
    backoff,
    refreshBeforeMs: positive('refreshBeforeMs', options.refreshBeforeMs ?? 60_000),
  };
}

function socketUrl(text: string, org: string | undefined): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw invalid('url', `"${text}" is no URL: give one such as https://governsai.example`, cause);
  }
  url.protocol = url.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(url.protocol)) throw invalid('url', `"${text}" must begin with https:, http:, wss: or ws:`);
  if (url.pathname === '/') url.pathname = '/ws';
  if (org !== undefined) url.searchParams.set('org', org);
  return url;
}

function positive(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value;
  throw invalid(name, 'must be a number above zero');
}

function invalid(path: string, message: string, cause?: unknown): GovernsaiError {
  return new GovernsaiError('INVALID_OPTIONS', `${path}: ${message}`, { path, cause });
}
