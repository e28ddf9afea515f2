import { createPublicKey, type KeyObject } from 'node:crypto';
import { AppError } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import { z } from 'zod';
import type { ProviderAlgorithm } from './identity-provider.ts';

const FETCH_TIMEOUT_MS = 3000;
const MAX_BODY_BYTES = 256 * 1024;
const MAX_KEYS = 64;
const MIN_RSA_BITS = 2048;
/** Keys are fetched again after this time, so that one the provider withdrew stops working. */
const FRESH_MS = 10 * 60_000;
/** An unknown `kid` is looked for at most this often, whatever tokens come. */
const COOLDOWN_MS = 30_000;
/** How long keys are used that could not be fetched again. */
const STALE_MS = 24 * 60 * 60_000;

const jwk = z.looseObject({
  kty: z.string(),
  kid: z.string().max(256).optional(),
  use: z.string().optional(),
  alg: z.string().optional(),
});
const keySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

interface PublishedKey {
  kid: string | null;
  algorithm: ProviderAlgorithm;
  key: KeyObject;
}

export interface JwksOptions {
  url: string;
  log: Logger;
  /** Milliseconds on a steady clock, for tests. */
  now?: () => number;
}

/** The public keys of an identity provider, fetched when first needed and kept for a while. */
export class JwksCache {
  readonly #options: JwksOptions;
  readonly #now: () => number;
  #keys: readonly PublishedKey[] | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(options: JwksOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * The key that the token names; without a name, the only one of its algorithm. Null when there is none such.
   *
   * @throws AppError UNAVAILABLE when no keys could be fetched.
   */
  async find(kid: string | null, algorithm: ProviderAlgorithm): Promise<KeyObject | null> {
    const now = this.#now();
    if (now - this.#fetchedAt > FRESH_MS && this.#mayTry(now)) await this.#fetch();
    let found = this.#select(kid, algorithm);
    // A key made since: the provider has rotated.
    if (!found && this.#keys && this.#mayTry(this.#now())) {
      await this.#fetch();
      found = this.#select(kid, algorithm);
    }
    if (!this.#keys) {
      throw new AppError('UNAVAILABLE', 'the keys of the identity provider cannot be had now: retry shortly', {
        retryAfterMs: 1000,
      });
    }
    return found;
  }

  #mayTry(now: number): boolean {
    return this.#fetching !== undefined || now - this.#triedAt >= (this.#keys ? COOLDOWN_MS : 1000);
  }

  #select(kid: string | null, algorithm: ProviderAlgorithm): KeyObject | null {
    if (this.#keys && this.#now() - this.#fetchedAt > STALE_MS) this.#keys = null;
    const fitting = (this.#keys ?? []).filter(
      (key) => key.algorithm === algorithm && (kid === null || key.kid === kid),
    );
    return fitting.length === 1 ? (fitting[0]?.key ?? null) : null;
  }

  /** One fetch at a time, shared by all who wait. Never rejects: old keys go on for a while. */
  #fetch(): Promise<void> {
    if (!this.#fetching) this.#triedAt = this.#now();
    this.#fetching ??= this.#load()
      .then(
        (keys) => {
          this.#keys = keys;
          this.#fetchedAt = this.#now();
        },
        (error: unknown) =>
          this.#options.log.warn({ err: error }, 'the keys of the identity provider cannot be fetched'),
      )
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  async #load(): Promise<PublishedKey[]> {
    // A redirect could lead to a host that nobody has named.
    const answer = await fetch(this.#options.url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`JWT_JWKS_URL answers ${answer.status}`);
    const { keys } = keySet.parse(JSON.parse(await boundedText(answer)));
    return keys.flatMap((key) => readKey(key) ?? []);
  }
}

async function boundedText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`JWT_JWKS_URL answers more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A published key that may check signatures; null for one that may not, is too weak or of another kind. */
function readKey(value: unknown): PublishedKey | null {
  const parsed = jwk.safeParse(value);
  if (!parsed.success) return null;
  const { kty, kid = null, use = 'sig', alg } = parsed.data;
  const algorithm = kty === 'RSA' ? 'RS256' : kty === 'EC' ? 'ES256' : null;
  if (algorithm === null || use !== 'sig' || (alg !== undefined && alg !== algorithm)) return null;
  try {
    const key = createPublicKey({ key: parsed.data, format: 'jwk' });
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
    const strong = algorithm === 'RS256' ? (modulusLength ?? 0) >= MIN_RSA_BITS : namedCurve === 'prime256v1';
    return strong ? { kid, algorithm, key } : null;
  } catch {
    return null;
  }
}
