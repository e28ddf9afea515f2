import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type AddressPolicy, HTTPS_ONLY, NOT_PUBLIC } from './address-policy.ts';

/** A request to a webhook. */
export interface OutgoingRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** What came of it. */
export interface Outcome {
  /** HTTP status; null when there was no answer. */
  status: number | null;
  /** Why it counts as failed; null when it is delivered. */
  error: string | null;
  /** How long the receiver asks to wait, ms; null when it does not. */
  retryAfterMs: number | null;
}

export interface SendOptions {
  policy: AddressPolicy;
  /** For the whole request, ms. */
  timeoutMs: number;
  /** Finds the addresses of a name; the system's unless given. */
  lookUp?: (name: string) => Promise<LookupAddress[]>;
}

/** Bytes of an answer that are read before the connection is closed: what it says is not kept. */
const MAX_ANSWER_BYTES = 16 * 1024;

/**
 * Sends a request to where the policy allows it, and says what came of it; never rejects. The name is resolved here, every
 * address of it is judged, and the connection goes to the address that was judged: a name that changes its mind in between leads
 * nowhere else. Redirects are not followed.
 */
export async function send(request: OutgoingRequest, options: SendOptions): Promise<Outcome> {
  const { timeoutMs } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const url = new URL(request.url);
    const target = await within(signal, resolve(url, options));
    const { status, retryAfterMs } = await exchange(url, target, request, signal);
    if (status >= 200 && status < 300) return { status, error: null, retryAfterMs: null };
    const redirected =
      status >= 300 && status < 400 ? ': redirects are not followed, give the address it leads to' : '';
    return { status, error: `answered ${status}${redirected}`, retryAfterMs };
  } catch (error) {
    return {
      status: null,
      error: signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error),
      retryAfterMs: null,
    };
  }
}

/** What our own side refuses to do. */
class RefusedError extends Error {}

const lookUpAll = (name: string) => lookup(name, { all: true });

/** Where a URL leads. Throws RefusedError when it may not be called. */
async function resolve(url: URL, { policy, lookUp = lookUpAll }: SendOptions): Promise<LookupAddress> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(host);
  const found = family === 0 ? await lookUp(host) : [{ address: host, family }];
  const refused = found.find(({ address }) => !policy.mayCall(address));
  if (refused) {
    throw new RefusedError(`${host} leads to ${refused.address}, which ${NOT_PUBLIC}`);
  }
  const [first] = found;
  if (first === undefined) throw new RefusedError(`${host} has no address`);
  if (url.protocol !== 'https:' && !found.every(({ address }) => policy.isAllowedByOperator(address))) {
    throw new RefusedError(HTTPS_ONLY);
  }
  return first;
}

function exchange(
  url: URL,
  { address, family }: LookupAddress,
  { headers, body }: OutgoingRequest,
  signal: AbortSignal,
): Promise<{ status: number; retryAfterMs: number | null }> {
  const pinned: LookupFunction = (_name, options, answer) =>
    options.all ? answer(null, [{ address, family }]) : answer(null, address, family);
  return new Promise((done, fail) => {
    const open = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request: ClientRequest = open(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup: pinned,
      agent: false,
      signal,
    });
    request.on('error', fail);
    request.once('response', (response: IncomingMessage) => {
      done({ status: response.statusCode ?? 0, retryAfterMs: retryAfter(response.headers['retry-after']) });
      // The rest is read for the sake of the receiver's own log, within bounds; what becomes of it does not matter.
      let bytes = 0;
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy();
      });
    });
    request.end(body);
  });
}

/** `Retry-After` in milliseconds: seconds or a date; null when there is none. */
function retryAfter(value: string | undefined): number | null {
  if (value === undefined) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  return Promise.race([
    work,
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  ]);
}

function reasonOf(error: unknown): string {
  if (error instanceof RefusedError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? `could not be reached (${code})` : 'could not be reached';
}
