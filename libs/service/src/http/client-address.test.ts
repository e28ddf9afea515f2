import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { isInNetworks } from '../networks.ts';
import { createAddressReader } from './client-address.ts';
import { isOriginAllowed } from './origins.ts';

const request = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;

describe('the address of a client', () => {
  const read = createAddressReader(['10.0.0.0/8', 'fd00::/8']);
  const forwarded = (header: string) => request('10.0.0.9', { 'x-forwarded-for': header });

  it('is the peer, whatever it says of itself', () => {
    expect(read(request('192.0.2.1', { 'x-forwarded-for': '198.51.100.1' }))).toBe('192.0.2.1');
    expect(read(request('::ffff:192.0.2.1'))).toBe('192.0.2.1');
    expect(createAddressReader([])(forwarded('198.51.100.1'))).toBe('10.0.0.9');
    expect(read(request(undefined))).toBeNull();
  });

  it('is whom a trusted proxy names: the last one that is no proxy, because a client can write the ones before', () => {
    expect(read(forwarded('198.51.100.1'))).toBe('198.51.100.1');
    expect(read(forwarded('203.0.113.7, 198.51.100.1, 10.1.2.3'))).toBe('198.51.100.1');
    expect(read(request('fd00::1', { 'x-forwarded-for': '2001:db8::1' }))).toBe('2001:db8::1');
  });

  it('is the proxy when it names nobody, or nonsense', () => {
    expect(read(request('10.0.0.9'))).toBe('10.0.0.9');
    expect(read(forwarded('somebody'))).toBe('10.0.0.9');
  });
});

describe('a network', () => {
  it('holds its addresses, in both families, and nothing else', () => {
    const networks = ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7/32'];
    for (const inside of ['192.0.2.255', '::ffff:192.0.2.1', '2001:db8:ffff::1', '198.51.100.7']) {
      expect(isInNetworks(inside, networks)).toBe(true);
    }
    for (const outside of ['192.0.3.0', '2001:db9::1', '198.51.100.8', '', 'localhost', '192.0.2']) {
      expect(isInNetworks(outside, networks)).toBe(false);
    }
  });
});

describe('a page', () => {
  it('may open a socket when its origin is on the list, or there is none; programs may always', () => {
    const page = request('192.0.2.1', { origin: 'https://evil.example' });
    expect(isOriginAllowed(page, ['https://app.example'])).toBe(false);
    expect(isOriginAllowed(page, [])).toBe(true);
    expect(isOriginAllowed(request('192.0.2.1'), ['https://app.example'])).toBe(true);
    expect(isOriginAllowed(request('192.0.2.1', { origin: 'https://app.example' }), ['https://app.example'])).toBe(
      true,
    );
  });
});
