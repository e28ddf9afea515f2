import type { Scope } from '@governsai/contracts';
import { SCOPES } from '@governsai/contracts';

/** One API key of the demo data. Its secret is public: the seed refuses to run in production. */
export interface DemoKey {
  id: string;
  name: string;
  key: string;
  scopes: readonly Scope[];
  /** The user it belongs to; null: the org. */
  userId: string | null;
}

/** One org of the demo data. */
export interface DemoOrg {
  id: string;
  name: string;
  owner: DemoUser;
  /** Owner of the subscriber key. */
  viewer: DemoUser;
  /** May do everything. */
  admin: DemoKey;
  /** May submit decisions. */
  producer: DemoKey;
  /** May read decisions and budgets, and the viewer's notifications. */
  subscriber: DemoKey;
  budget: { id: string; name: string; limit: string; currency: string };
}

export interface DemoUser {
  id: string;
  email: string;
  name: string;
  role: 'owner' | 'viewer';
}

function demoOrg(id: string, name: string): DemoOrg {
  const key = (kind: string, scopes: readonly Scope[], userId: string | null): DemoKey => ({
    id: `key-${id}-${kind}`,
    name: `Demo ${kind}`,
    key: `gai_demo_${id}_${kind}_${'0'.repeat(25)}`,
    scopes,
    userId,
  });
  const user = (role: DemoUser['role']): DemoUser => ({
    id: `user-${id}-${role}`,
    email: `${role}@${id}.example`,
    name: `${name} ${role}`,
    role,
  });
  const viewer = user('viewer');
  return {
    id,
    name,
    owner: user('owner'),
    viewer,
    admin: key('admin', SCOPES, null),
    producer: key('producer', ['decisions:write'], null),
    subscriber: key('subscriber', ['decisions:read', 'budget:read', 'notifications:read'], viewer.id),
    budget: { id: `budget-${id}-total`, name: 'All spending', limit: '7000', currency: 'USD' },
  };
}

/** The orgs of the demo data, the same on every machine. */
export const DEMO_ORGS: readonly DemoOrg[] = [demoOrg('acme', 'Acme'), demoOrg('globex', 'Globex')];
