import { hash } from 'node:crypto';
import { canonicalJson, type IngestSchema } from '@governsai/contracts';

const ID_HEX_DIGITS = 32;

/**
 * The id of (org, idempotency key): the same on every retry, replica and restart (G2). 128 bits of SHA-256 over both,
 * separated by U+0000, which neither may contain.
 */
export function decisionIdOf(orgId: string, idempotencyKey: string): string {
  const digest = hash('sha256', `${orgId}\u0000${idempotencyKey}`);
  return `dec_${digest.slice(0, ID_HEX_DIGITS)}`;
}

/**
 * What "same body" means: SHA-256 of the schema and the RFC 8785 form of the data, which must be free of nulls, server
 * defaults, the org and raw text already.
 */
export function bodyHashOf(schema: IngestSchema, data: object): string {
  return hash('sha256', `${schema}\u0000${canonicalJson(data)}`);
}
