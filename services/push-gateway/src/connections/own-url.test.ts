import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { ownUrl } from './own-url.ts';

const address = (value: string, internal = false): NetworkInterfaceInfo =>
  ({ address: value, family: value.includes(':') ? 'IPv6' : 'IPv4', internal }) as NetworkInterfaceInfo;

describe('where a replica is reached by the others', () => {
  const pod = {
    lo: [address('127.0.0.1', true), address('::1', true)],
    eth0: [address('fe80::1'), address('10.1.2.3')],
  };
  const onlyV6 = { lo: [address('::1', true)], eth0: [address('fe80::1'), address('fd00::7')] };

  it.each([
    ['the address it listens on', '127.0.0.1', pod, 'http://127.0.0.1:3005'],
    ['the one of its pod when it listens on all', '0.0.0.0', pod, 'http://10.1.2.3:3005'],
    [
      'its IPv6 one when it listens on all of both families, not a link-local one',
      '::',
      onlyV6,
      'http://[fd00::7]:3005',
    ],
    ['its IPv4 one when it has no other', '::', pod, 'http://10.1.2.3:3005'],
    ['itself alone when it has no address that is known outside', '0.0.0.0', onlyV6, 'http://127.0.0.1:3005'],
  ])('is %s', (_what, host, interfaces, expected) => {
    expect(ownUrl(host, 3005, interfaces)).toBe(expected);
  });
});
