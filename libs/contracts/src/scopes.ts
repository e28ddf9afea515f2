import { z } from 'zod';

/** What a credential may do, within its own org. */
export const SCOPES = [
  'decisions:write',
  'decisions:read',
  'budget:read',
  'budget:write',
  'notifications:read',
  'keys:manage',
  'org:admin',
] as const;

export const scope = z.enum(SCOPES).meta({ id: 'Scope', description: 'One thing a credential may do in its own org.' });
export type Scope = z.infer<typeof scope>;

/** What a member may do, by role. API keys carry their own list instead. */
export const ROLE_SCOPES = {
  owner: SCOPES,
  admin: SCOPES,
  member: ['decisions:write', 'decisions:read', 'budget:read', 'notifications:read'],
  viewer: ['decisions:read', 'budget:read', 'notifications:read'],
} as const satisfies Record<string, readonly Scope[]>;

export const role = z
  .enum(['owner', 'admin', 'member', 'viewer'])
  .meta({ id: 'Role', description: 'What a member of an org is; it stands for a set of scopes.' });
export type Role = z.infer<typeof role>;
