import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

const count = (initial: number) => z.coerce.number().int().min(1).max(10_000_000).default(initial);
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return rest.length === 0 && bits !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= most;
}

/** Variables of every service that clients reach over HTTP or sockets. */
export const clientEnv = z.object({
  TRUSTED_PROXIES: list
    .pipe(z.array(z.string().refine(isNetwork, 'must be networks such as 10.0.0.0/8, separated by commas')))
    .default([])
    .describe(
      'Networks of the proxies in front, whose X-Forwarded-For says where a client is; none unless given. Without them all clients of a proxy count as one address.',
    ),
  ALLOWED_ORIGINS: list
    .pipe(z.array(z.url({ protocol: /^https?$/, message: 'must be origins such as https://app.example' })))
    .transform((origins) => origins.map((origin) => new URL(origin).origin))
    .default([])
    .describe(
      'Origins whose pages may call from a browser: the only ones that CORS and the sockets let in. Unless given, CORS lets none in and sockets do not look.',
    ),
  RATE_LIMIT_KEY: count(20_000).describe('Requests and socket messages of one credential a second, on all replicas.'),
  RATE_LIMIT_KEY_BURST: count(40_000).describe('As many of them at once.'),
  RATE_LIMIT_ORG: count(50_000).describe('Those of all credentials of an org together, a second.'),
  RATE_LIMIT_ORG_BURST: count(100_000).describe('As many of them at once.'),
  RATE_LIMIT_ADDRESS: count(5000).describe(
    'Requests and connections from one address a second, before it is known who asks, on all replicas.',
  ),
  RATE_LIMIT_ADDRESS_BURST: count(20_000).describe('As many of them at once.'),
});
export type ClientEnv = z.infer<typeof clientEnv>;

/** Variables of a service with sockets. */
export const socketEnv = z.object({
  MAX_CONNECTIONS_KEY: count(10_000).describe(
    'Open sockets of one credential, on all replicas; one more is closed with 4429.',
  ),
  MAX_CONNECTIONS_ORG: count(50_000).describe('Open sockets of one org, on all replicas.'),
  MAX_CONNECTIONS_ADDRESS: count(20_000).describe('Open sockets from one address, on all replicas.'),
  AUTH_DEADLINE_MS: count(5000).describe(
    'Milliseconds a client has to authenticate after it has connected; then it is closed with 4408.',
  ),
  PING_INTERVAL_MS: count(25_000).describe(
    'Milliseconds between two pings of a socket; below the idle time-out of the proxies in front. Who answers none is cut off.',
  ),
});
export type SocketEnv = z.infer<typeof socketEnv>;
