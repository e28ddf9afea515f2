import { createHmac } from 'node:crypto';
import fc from 'fast-check';

// Credentials that are none: valid ones with something wrong, and what people send who look for holes.

const b64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const printable = fc.string({
  unit: fc.constantFrom(...'abcXYZ019._-~+/=%&?#:;,@!$*()[]{}|^'),
  minLength: 1,
  maxLength: 40,
});

/** What only somebody who has the secret can change without breaking it. */
export interface Valid {
  key: string;
  token: string;
}

/** One valid text with a small thing wrong. */
function damaged(valid: string): fc.Arbitrary<string> {
  const at = fc.nat({ max: valid.length - 1 });
  return fc
    .oneof(
      fc.tuple(at, printable).map(([i, text]) => valid.slice(0, i) + text + valid.slice(i)),
      fc.tuple(at, printable).map(([i, text]) => valid.slice(0, i) + text + valid.slice(i + text.length)),
      at.map((i) => valid.slice(0, i)),
      at.map((i) => valid.slice(i)),
      at.map((i) => valid.slice(0, i) + valid.slice(i + 1)),
      fc.constantFrom(
        valid.toUpperCase(),
        valid.toLowerCase(),
        `${valid}${valid}`,
        [...valid].reverse().join(''),
        `"${valid}"`,
      ),
    )
    .filter((text) => text.trim() !== valid);
}

const claims = {
  sub: 'iso-own-owner',
  org: 'iso-own',
  iss: 'governsai',
  aud: 'governsai',
  iat: 1_700_000_000,
  exp: 4_000_000_000,
};

/** Tokens that nobody signed, or somebody else did, in many ways. */
const forged: fc.Arbitrary<string> = fc
  .record({
    alg: fc.constantFrom(
      'none',
      'None',
      'nOnE',
      '',
      'HS256',
      'HS384',
      'HS512',
      'RS256',
      'ES256',
      'PS256',
      'HS256\u0000',
      'undefined',
    ),
    header: fc.constantFrom<object>(
      {},
      { kid: '../../../../dev/null' },
      { kid: "' OR 1=1 --" },
      { kid: 'x'.repeat(2000) },
      { jku: 'http://127.0.0.1:1/keys' },
      { jwk: { kty: 'oct', k: 'c2VjcmV0' } },
      { x5u: 'http://127.0.0.1:1/cert' },
      { crit: ['exp'] },
      { b64: false, crit: ['b64'] },
      { zip: 'DEF' },
    ),
    change: fc.constantFrom<object>(
      {},
      { iss: 'somebody' },
      { iss: ['governsai'] },
      { aud: ['x', 'governsai'] },
      { org: 'iso-own,iso-other' },
      { org: ['iso-own'] },
      { org: { $ne: null } },
      { sub: null },
      { exp: 'never' },
      { exp: 1e300 },
      { nbf: 4_000_000_000 },
      { sid: 'ses_x' },
      { __proto__: { org: 'iso-own' } },
    ),
    secret: fc.constantFrom('', 'secret', 'governsai', 'null', 'undefined'),
    shape: fc.constantFrom<(head: string, payload: string, signature: string) => string>(
      (h, p, s) => `${h}.${p}.${s}`,
      (h, p) => `${h}.${p}.`,
      (h, p) => `${h}.${p}`,
      (h, p, s) => `${h}.${p}.${s}.${s}`,
      (h, _p, s) => `${h}..${s}`,
      (_h, p, s) => `.${p}.${s}`,
      (h, p, s) => `${h}=.${p}=.${s}=`,
    ),
  })
  .map(({ alg, header, change, secret, shape }) => {
    const head = b64({ typ: 'JWT', alg, ...header });
    const payload = b64({ ...claims, ...change });
    return shape(head, payload, createHmac('sha256', secret).update(`${head}.${payload}`).digest('base64url'));
  });

const strange: fc.Arbitrary<string> = fc.oneof(
  printable,
  printable.map((text) => `gai_${text}`),
  fc.constantFrom(
    'null',
    'undefined',
    '[object Object]',
    'gai_',
    'gai_%00',
    'gat_iso-own.x',
    'gar_iso-own.x',
    "gai_' OR '1'='1",
    `gai_${'0'.repeat(49)}`,
    `gai_${'9'.repeat(600)}`,
    '..',
    '...',
    `${b64('{')}.${b64('[]')}.x`,
    `${b64('null')}.${b64('null')}.${b64('null')}`,
    `${b64({ alg: 'HS256' })}.${b64('[[[['.repeat(500))}.x`,
  ),
);

/** The text of a credential that must not be let in. */
export function malformedCredentials({ key, token }: Valid): fc.Arbitrary<string> {
  const parts = token.split('.') as [string, string, string];
  const spliced = fc.constantFrom(
    `${parts[0]}.${b64({ ...claims, org: 'iso-other', sub: 'iso-other-owner' })}.${parts[2]}`,
    `${b64({ alg: 'none' })}.${parts[1]}.`,
    `${b64({ alg: 'HS512', typ: 'JWT' })}.${parts[1]}.${parts[2]}`,
    `${parts[0]}.${parts[1]}.${parts[2]}A`,
    `${parts[1]}.${parts[0]}.${parts[2]}`,
  );
  return fc.oneof(
    { weight: 4, arbitrary: damaged(key) },
    { weight: 4, arbitrary: damaged(token) },
    { weight: 4, arbitrary: forged },
    { weight: 1, arbitrary: spliced },
    { weight: 3, arbitrary: strange },
  );
}

/** An `Authorization` header with such a credential, in forms that are taken and forms that are not. */
export function malformedHeaders(valid: Valid): fc.Arbitrary<string> {
  const credential = malformedCredentials(valid);
  return fc.oneof(
    { weight: 6, arbitrary: credential.map((text) => `Bearer ${text}`) },
    { weight: 1, arbitrary: credential.map((text) => `bearer   ${text}   `) },
    {
      weight: 1,
      // The credential is good; the header is not.
      arbitrary: fc.constantFrom(
        valid.key,
        `Basic ${valid.key}`,
        `Bearer${valid.key}`,
        `Bearer ${valid.key} x`,
        `Bearer, ${valid.key}`,
        `Bearer "${valid.key}"`,
        `Token ${valid.token}`,
        `Bearer Bearer ${valid.token}`,
        `x Bearer ${valid.key}`,
      ),
    },
  );
}
