import { BlockList, isIP, isIPv4 } from 'node:net';

/** IPv4 networks that are not on the public internet, or are for many (IANA special-purpose registry). */
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** All of the public internet of IPv6 lies here … */
const GLOBAL_V6 = '2000::/3';
/** … but for these: protocol assignments with Teredo, documentation, and 6to4, which leads to any IPv4 address. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** Why an address is not called. */
export const NOT_PUBLIC =
  'is not on the public internet: the operator may allow its network with WEBHOOK_ALLOWED_NETWORKS';
/** Why a URL with http is not. */
export const HTTPS_ONLY = 'http is taken only to networks that the operator allows: use https';

/**
 * Which addresses may be called on behalf of a tenant: those of the public internet, and networks that the operator allows.
 * Everything else is refused, so that nobody can make this service speak to the cluster's own network, to the machine it runs
 * on, or to a cloud's metadata.
 */
export class AddressPolicy {
  readonly #allowed: BlockList;
  readonly #allowsNetworks: boolean;
  readonly #notPublic = networks([...NOT_PUBLIC_V4, ...NOT_PUBLIC_V6]);
  readonly #global = networks([GLOBAL_V6]);

  /** @param allowed networks in CIDR notation; throws RangeError for what is none. */
  constructor(allowed: readonly string[]) {
    this.#allowed = networks(allowed);
    this.#allowsNetworks = allowed.length > 0;
  }

  /** Whether an address (as text, without a zone) may be called. */
  mayCall(address: string): boolean {
    if (this.isAllowedByOperator(address)) return true;
    const plain = unmapped(address);
    if (isIPv4(plain)) return !this.#notPublic.check(plain, 'ipv4');
    return isIP(plain) === 6 && this.#global.check(plain, 'ipv6') && !this.#notPublic.check(plain, 'ipv6');
  }

  /** Why a URL is never called, wherever its name leads; null when that depends on where it leads. */
  refusalOf({ protocol, hostname }: URL): string | null {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const isAddress = isIP(host) !== 0;
    if (isAddress && !this.mayCall(host)) return `${host} ${NOT_PUBLIC}`;
    const mayLackTls = isAddress ? this.isAllowedByOperator(host) : this.#allowsNetworks;
    return protocol === 'https:' || mayLackTls ? null : HTTPS_ONLY;
  }

  /** Whether it lies in a network that the operator named: there, http without TLS is taken too. */
  isAllowedByOperator(address: string): boolean {
    const plain = unmapped(address);
    if (isIP(plain) === 0) return false;
    return this.#allowed.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  }
}

function networks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIP(address);
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
    if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) {
      throw new RangeError(`${cidr} is no network such as 10.0.0.0/8`);
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The IPv4 address in an IPv4-mapped IPv6 one (::ffff:0:0/96), in either notation; any other address as it is. */
function unmapped(address: string): string {
  if (isIP(address) !== 6) return address;
  // The URL parser prints the shortest form with hexadecimal groups, whatever it was written as.
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${address}]`).hostname);
  if (!mapped) return address;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
