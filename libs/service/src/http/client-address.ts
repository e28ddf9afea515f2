import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isInNetworks, plainAddress } from '../networks.ts';

/** Addresses named in one `X-Forwarded-For` that are looked at: a client may write as many as it likes. */
const MAX_HOPS = 16;

/**
 * Reads where a request comes from: the peer, or, where the peer is a proxy that is trusted, whom it names in
 * `X-Forwarded-For`; of several the last one that is no trusted proxy, since a client can write the ones before. Null when the
 * connection is gone.
 *
 * @param trustedProxies networks such as `10.0.0.0/8`.
 */
export function createAddressReader(trustedProxies: readonly string[]): (req: IncomingMessage) => string | null {
  return (req) => {
    const peer = req.socket.remoteAddress;
    if (peer === undefined) return null;
    let address = plainAddress(peer);
    if (trustedProxies.length === 0 || !isInNetworks(address, trustedProxies)) return address;
    for (const hop of forwarded(req).reverse().slice(0, MAX_HOPS)) {
      if (isIP(hop) === 0) return address;
      address = plainAddress(hop);
      if (!isInNetworks(address, trustedProxies)) return address;
    }
    return address;
  };
}

function forwarded(req: IncomingMessage): string[] {
  const header = req.headers['x-forwarded-for'];
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text.split(',').map((hop) => hop.trim());
}
