import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { JwksCache } from './jwks.ts';

/** Algorithms that a provider's tokens may be signed with: both by a key pair, so that a public key never serves as a secret. */
const PROVIDER_ALGORITHMS = ['RS256', 'ES256'] as const;
export type ProviderAlgorithm = (typeof PROVIDER_ALGORITHMS)[number];

export interface IdentityProviderOptions {
  issuer: string;
  audience: string;
  /** The claim that names the org. */
  orgClaim: string;
  skewSeconds: number;
  keys: Pick<JwksCache, 'find'>;
}

/** An enterprise's own identity provider, known by its issuer and its published keys. */
export class IdentityProvider {
  readonly #options: IdentityProviderOptions;

  constructor(options: IdentityProviderOptions) {
    this.#options = options;
  }

  get issuer(): string {
    return this.#options.issuer;
  }

  get orgClaim(): string {
    return this.#options.orgClaim;
  }

  /**
   * The claims of a token of this provider.
   *
   * @throws AppError UNAVAILABLE when the keys cannot be had; anything else when the token is not valid.
   */
  async verify(token: string, head: { alg: string; kid?: string | undefined }, now: Date): Promise<jwt.JwtPayload> {
    const algorithm = PROVIDER_ALGORITHMS.find((known) => known === head.alg);
    if (!algorithm) throw new Error('signed with an algorithm that is not taken');
    const key: KeyObject | null = await this.#options.keys.find(head.kid ?? null, algorithm);
    if (!key) throw new Error('signed with a key that the provider does not publish');
    return jwt.verify(token, key, {
      algorithms: [algorithm],
      issuer: this.#options.issuer,
      audience: this.#options.audience,
      clockTimestamp: Math.floor(now.getTime() / 1000),
      clockTolerance: this.#options.skewSeconds,
    }) as jwt.JwtPayload;
  }
}
