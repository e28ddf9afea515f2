import { BlockList, isIPv4, isIPv6 } from 'node:net';

const lists = new WeakMap<readonly string[], BlockList>();

/** Whether an address is in one of the networks (`192.0.2.0/24`). False for what is no address. */
export function isInNetworks(address: string, cidrs: readonly string[]): boolean {
  const plain = plainAddress(address);
  const family = isIPv4(plain) ? 'ipv4' : isIPv6(plain) ? 'ipv6' : null;
  if (family === null) return false;
  let list = lists.get(cidrs);
  if (!list) {
    list = listOf(cidrs);
    lists.set(cidrs, list);
  }
  return list.check(plain, family);
}

/** Throws RangeError or TypeError for what is no network. */
function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', bits] = cidr.split('/');
    list.addSubnet(network, Number(bits), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** `::ffff:192.0.2.1`, as a socket for both families names an IPv4 peer, is `192.0.2.1`; others stay. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}
