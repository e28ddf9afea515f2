/** What a client may subscribe to. The middle part is the org's slug, or the user's id. */
export type Channel =
  | { kind: 'decisions'; orgId: string }
  /** The decisions about the tools whose name the glob matches as a whole: `*` any run of characters, `?` one. */
  | { kind: 'toolDecisions'; orgId: string; tool: string }
  | { kind: 'budget'; orgId: string }
  | { kind: 'notifications'; userId: string };

/** Characters of the glob in a channel name. */
export const MAX_TOOL_GLOB = 256;

/** The channel names there are, for an error or a description. */
export const CHANNEL_FORMS =
  'org:<org>:decisions, org:<org>:decisions:tool:<glob>, org:<org>:budget or user:<userId>:notifications';

const ORG_CHANNEL = /^org:([a-z0-9][a-z0-9-]{0,62}):(decisions|budget)$/;
const TOOL_CHANNEL = new RegExp(`^org:([a-z0-9][a-z0-9-]{0,62}):decisions:tool:([^\\0]{1,${MAX_TOOL_GLOB}})$`);
const USER_CHANNEL = /^user:([^:\s]{1,256}):notifications$/;

/** Reads a channel name; null when it is none of ours. */
export function parseChannel(name: string): Channel | null {
  const org = ORG_CHANNEL.exec(name);
  if (org) return { kind: org[2] as 'decisions' | 'budget', orgId: org[1] as string };
  const tool = TOOL_CHANNEL.exec(name);
  // A lone surrogate has no UTF-8 form: no push could carry this name.
  if (tool && name.isWellFormed()) {
    return { kind: 'toolDecisions', orgId: tool[1] as string, tool: tool[2] as string };
  }
  const user = USER_CHANNEL.exec(name);
  return user ? { kind: 'notifications', userId: user[1] as string } : null;
}

/** The name of a channel, the inverse of {@link parseChannel}. */
export function channelName(channel: Channel): string {
  switch (channel.kind) {
    case 'notifications':
      return `user:${channel.userId}:notifications`;
    case 'toolDecisions':
      return `org:${channel.orgId}:decisions:tool:${channel.tool}`;
    default:
      return `org:${channel.orgId}:${channel.kind}`;
  }
}
