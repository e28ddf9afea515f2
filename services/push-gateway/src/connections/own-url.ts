import { networkInterfaces } from 'node:os';

/**
 * Where the other replicas reach this one: the address it listens on, or, when it listens on all of them, its first one of that
 * family that is not the loopback, in a pod the pod's. With `::`, which takes both families, IPv6 goes first.
 */
export function ownUrl(host: string, port: number, interfaces = networkInterfaces()): string {
  const found = host === '0.0.0.0' || host === '::' ? firstExternal(interfaces, host) : host;
  return `http://${found.includes(':') ? `[${found}]` : found}:${port}`;
}

function firstExternal(interfaces: ReturnType<typeof networkInterfaces>, host: '0.0.0.0' | '::'): string {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  // A link-local address means nothing without the interface it belongs to.
  const external = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const first = (wanted: string) => external.find(({ family }) => family === wanted)?.address;
  return (host === '::' ? first('IPv6') : undefined) ?? first('IPv4') ?? '127.0.0.1';
}
