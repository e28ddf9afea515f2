import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { channelName, parseChannel } from './channels.ts';

const slug = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const glob = fc.string({
  unit: fc.oneof(fc.constantFrom('*', '?', ':', ' ', '.', 'é'), fc.string({ minLength: 1, maxLength: 1 })),
  minLength: 1,
  maxLength: 32,
});
const userId = fc.stringMatching(/^[^:\s]{1,256}$/);

describe('channels', () => {
  it('reads back every channel it names', () => {
    const channel = fc.oneof(
      fc.record({ kind: fc.constantFrom('decisions' as const, 'budget' as const), orgId: slug }),
      fc.record({ kind: fc.constant('toolDecisions' as const), orgId: slug, tool: glob }),
      fc.record({ kind: fc.constant('notifications' as const), userId }),
    );
    fc.assert(fc.property(channel, (value) => expect(parseChannel(channelName(value))).toEqual(value)));
  });

  it.each([
    '',
    'org::decisions',
    'org:Acme:decisions',
    'org:acme:keys',
    'user::notifications',
    'user:a:b:notifications',
    'org:acme:decisions ',
    'org:acme:decisions:tool',
    'org:acme:decisions:tool:',
    `org:acme:decisions:tool:${'a'.repeat(257)}`,
    'org:acme:decisions:tool:\0',
    'org:acme:decisions:tool:\ud800',
    'org:acme:budget:tool:web.*',
  ])('has no channel %j', (name) => expect(parseChannel(name)).toBeNull());
});
