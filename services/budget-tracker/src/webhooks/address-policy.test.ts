import { describe, expect, it } from '@jest/globals';
import { AddressPolicy } from './address-policy.ts';

const policy = new AddressPolicy([]);

describe('addresses a webhook may not lead to', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:169.254.169.254',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
  ])('%s', (address) => expect(policy.mayCall(address)).toBe(false));
});

describe('addresses it may', () => {
  it.each(['1.1.1.1', '172.15.255.255', '172.32.0.1', '8.8.8.8', '::ffff:8.8.8.8', '2606:4700::1111', '2a00:1450::1'])(
    '%s',
    (address) => expect(policy.mayCall(address)).toBe(true),
  );

  it('lie also in networks that the operator allows', () => {
    const own = new AddressPolicy(['127.0.0.1', '10.1.0.0/16', 'fd00::/8']);
    expect(['127.0.0.1', '::ffff:127.0.0.1', '10.1.255.1', 'fd12::1'].map((one) => own.mayCall(one))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['127.0.0.2', '10.2.0.1', 'fe80::1'].map((one) => own.mayCall(one))).toEqual([false, false, false]);
    expect(own.isAllowedByOperator('8.8.8.8')).toBe(false);
  });

  it.each(['10.0.0.0/33', 'x/8', '10.0.0', '::/129', '10.0.0.0/a'])('G10: %s is no network', (cidr) =>
    expect(() => new AddressPolicy([cidr])).toThrow(/is no network/),
  );
});

describe('a URL', () => {
  it.each([
    ['https://example.com/', null],
    ['https://8.8.8.8/', null],
    ['https://127.0.0.1/', /127.0.0.1 is not on the public internet/],
    ['https://0x7f.1/', /127.0.0.1 is not on the public internet/],
    ['https://[::1]/', /::1 is not on the public internet/],
    ['https://[fe80::1]/', /not on the public internet/],
    ['http://example.com/', /use https/],
    ['http://8.8.8.8/', /use https/],
  ])('%s is refused before it is called, if wherever it leads: %s', (url, why) => {
    const refusal = policy.refusalOf(new URL(url));
    if (why === null) expect(refusal).toBeNull();
    else expect(refusal).toMatch(why);
  });

  it('may lack TLS where the operator allows networks, and the name may lead there', () => {
    const own = new AddressPolicy(['10.0.0.0/8']);
    expect(own.refusalOf(new URL('http://hooks.internal/'))).toBeNull();
    expect(own.refusalOf(new URL('http://10.1.2.3/'))).toBeNull();
    expect(own.refusalOf(new URL('http://8.8.8.8/'))).toMatch(/use https/);
  });
});
