/** What a client may subscribe to. The middle part is the org's slug, or the user's id. */
export type Channel =
  | { kind: 'decisions'; orgId: string }
  | { kind: 'budget'; orgId: string }
  | { kind: 'notifications'; userId: string };

const ORG_CHANNEL = /^org:([a-z0-9][a-z0-9-]{0,62}):(decisions|budget)$/;
const USER_CHANNEL = /^user:([^:\s]{1,256}):notifications$/;

/** Reads a channel name; null when it is none of ours. */
export function parseChannel(name: string): Channel | null {
  const org = ORG_CHANNEL.exec(name);
  if (org) return { kind: org[2] as 'decisions' | 'budget', orgId: org[1] as string };
  const user = USER_CHANNEL.exec(name);
  return user ? { kind: 'notifications', userId: user[1] as string } : null;
}

/** The name of a channel, the inverse of {@link parseChannel}. */
export function channelName(channel: Channel): string {
  return channel.kind === 'notifications'
    ? `user:${channel.userId}:notifications`
    : `org:${channel.orgId}:${channel.kind}`;
}
