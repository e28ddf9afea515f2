import { randomUUID } from 'node:crypto';
import { type Channel, type ClientMessageType, channelName, type Scope } from '@governsai/contracts';
import { COMMUTER, JOINED, ORGS, ownerOf, sha256, type World } from './world.ts';

// What the matrix cannot make up by itself: a body that is accepted, things to name in a path, and what is to be known of
// the few routes that no scope guards. A test fails that names what is missing here for a new route.

type Body = (world: World, org: string) => unknown | Promise<unknown>;

const ingest = (org: string) => ({
  schema: 'decision.v1',
  idempotencyKey: randomUUID(),
  data: { orgId: org, direction: 'precheck', decision: 'allow', tool: 'web.fetch' },
});
const rules = { denyTools: ['shell.*'] };
const budget = { name: 'Matrix', limit: '100', currency: 'USD' };
const principalOf = (org: string) => ({
  kind: 'apiKey',
  orgId: org,
  userId: null,
  keyId: 'k',
  scopes: ['decisions:write'],
  expiresAt: null,
});

/** A body that each route with one accepts, by the route's name. */
export const BODIES: Readonly<Record<string, Body>> = {
  postDecisions: (_world, org) => ingest(org),
  erasePerson: () => ({ userId: 'nobody-known' }),
  putRetention: () => ({ days: 3650 }),
  createPolicy: () => ({ name: 'Matrix', rules }),
  replacePolicy: () => ({ name: 'Matrix again', rules }),
  dryRunPolicies: () => ({ data: { direction: 'precheck', decision: 'allow' } }),
  createBudget: () => budget,
  changeBudget: () => ({ name: 'Changed' }),
  adjustBudget: () => ({ amount: '1', reason: 'matrix', idempotencyKey: randomUUID() }),
  createHold: () => ({ idempotencyKey: randomUUID(), amount: '1', currency: 'USD' }),
  settleHold: () => ({ amount: '1' }),
  importPrices: () => ({
    prices: [
      {
        model: randomUUID(),
        currency: 'USD',
        inputPrice: '1',
        outputPrice: '1',
        effectiveFrom: '2026-01-01T00:00:00Z',
      },
    ],
  }),
  createWebhook: () => ({ url: 'https://hooks.example.com/matrix' }),
  changeWebhook: () => ({ enabled: true }),
  rotateWebhookSecret: () => ({}),
  createOrg: (world) => ({ id: world.unique('iso-made'), name: 'Made' }),
  updateOrg: () => ({ name: 'Renamed' }),
  updateMember: () => ({ role: 'viewer' }),
  createInvitation: (world) => ({ email: `${world.unique('invited')}@example.com`, role: 'viewer' }),
  createKey: () => ({ name: 'Matrix', scopes: ['keys:manage'] }),
  updateKey: () => ({ name: 'Renamed' }),
  rotateKey: () => ({}),
  login: () => ({ email: JOINED.email, password: JOINED.password }),
  refreshSession: async (world, org) => ({ refreshToken: (await world.session(org, ownerOf(org))).refreshToken }),
  acceptInvitation: async (world, org) => ({
    token: await world.invitation(org, `${world.unique('joiner')}@example.com`),
    name: 'Joiner',
    password: JOINED.password,
  }),
  changePassword: () => ({ current: JOINED.password, password: JOINED.password }),
  readNotifications: () => ({ upToSeq: 1 }),
  readConnections: (_world, org) => ({ orgId: org, after: null, limit: 1 }),
  endConnection: (_world, org) => ({ orgId: org, id: 'none' }),
  verifyCredential: () => ({ keyHash: sha256('nothing') }),
  reportAccess: () => ({}),
  relayIngest: (_world, org) => ({
    items: [{ principal: principalOf(org), message: { type: 'INGEST', ...ingest(org) } }],
  }),
  relayHolds: (_world, org) => ({
    items: [
      {
        principal: principalOf(org),
        message: { type: 'HOLD', idempotencyKey: randomUUID(), amount: '1', currency: 'USD' },
      },
    ],
  }),
};

/** Makes something of an org that a path names, by the path up to its name; returns the name. */
export const RESOURCES: Readonly<Record<string, (world: World, org: string) => Promise<string>>> = {
  '/decisions/:id': async (world, org) => {
    await world.db.system.execute('UPDATE organizations SET keep_raw_text = true WHERE id = $1', [org]);
    const id = `dec_${sha256(world.unique(org)).slice(0, 32)}`;
    // Past the services: what is recorded through them takes its time.
    await world.db.system.execute('INSERT INTO raw_texts (org_id, decision_id, data) VALUES ($1, $2, $3)', [
      org,
      id,
      { rawText: 'x' },
    ]);
    const key = world.unique('seq');
    const { decisionId } = await world.make(org, '/v1/decisions', { ...ingest(org), idempotencyKey: key });
    await recorded(world, org, decisionId);
    await world.db.system.execute('UPDATE raw_texts SET decision_id = $3 WHERE org_id = $1 AND decision_id = $2', [
      org,
      id,
      decisionId,
    ]);
    return decisionId;
  },
  '/policies/:id': async (world, org) =>
    (await world.make(org, `/v1/orgs/${org}/policies`, { name: 'Matrix', rules })).id,
  '/budgets/:id': async (world, org) => (await world.make(org, `/v1/orgs/${org}/budgets`, budget)).id,
  '/holds/:id': async (world, org) =>
    (await world.make(org, `/v1/orgs/${org}/holds`, { idempotencyKey: randomUUID(), amount: '1', currency: 'USD' }))
      .holdId,
  '/webhooks/:id': async (world, org) =>
    (await world.make(org, `/v1/orgs/${org}/webhooks`, { url: 'https://hooks.example.com/matrix' })).id,
  '/members/:userId': async (world, org) => {
    const id = world.unique('iso-member');
    await world.addPerson(id, `${id}@example.com`);
    await world.addMember(org, id, 'viewer');
    return id;
  },
  '/invitations/:id': async (world, org) =>
    (
      await world.make(org, `/v1/orgs/${org}/invitations`, {
        email: `${world.unique('inv')}@example.com`,
        role: 'viewer',
      })
    ).id,
  '/connections/:id': (world, org) => world.connection(org),
  '/keys/:id': async (world, org) =>
    (await world.make(org, `/v1/orgs/${org}/keys`, { name: 'Matrix', scopes: ['keys:manage'] })).id,
};

/** Makes a thing below a thing: a delivery of a webhook. */
export const SUB_RESOURCES: Readonly<Record<string, (world: World, org: string, parent: string) => Promise<string>>> = {
  '/deliveries/:delivery': async (world, org, webhook) => {
    await world.make(org, `/v1/orgs/${org}/webhooks/${webhook}/test`, undefined);
    const [row] = await world.db.system.query<{ id: number }>(
      'SELECT id FROM webhook_deliveries WHERE webhook_id = $1',
      [webhook],
    );
    return String(row?.id);
  },
};

async function recorded(world: World, org: string, id: string): Promise<void> {
  for (;;) {
    const rows = await world.db.system.query('SELECT 1 FROM decisions WHERE org_id = $1 AND id = $2', [org, id]);
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Routes that want a person, or more than their scope: which credential may use them. */
export const ALLOWED: Readonly<Record<string, (world: World, org: string) => Promise<string>>> = {
  postDecisions: (world, org) => world.key(org, ['decisions:write']),
  createOrg: async (world) => world.token(ORGS.own, COMMUTER),
  listNotifications: (world, org) => world.key(org, ['notifications:read'], 'good', ownerOf(org)),
  readNotifications: (world, org) => world.key(org, ['notifications:read'], 'good', ownerOf(org)),
  suspendOrg: async (world, org) => world.token(org, ownerOf(org)),
  logout: async (world, org) => (await world.session(org, ownerOf(org))).accessToken,
  changePassword: async (world, org) => world.token(org, world.joinedId),
};

/** Routes that any credential may call, and what they refuse all the same: null, nothing. */
export const CREDENTIAL_ROUTES: Readonly<Record<string, ((world: World, org: string) => Promise<string>) | null>> = {
  postDecisions: (world, org) => world.key(org, ['decisions:read']),
  listOrgs: null,
  createOrg: (world, org) => world.key(org, ['org:admin']),
  logout: (world, org) => world.key(org, ['org:admin']),
  createTicket: null,
  changePassword: (world, org) => world.key(org, ['org:admin']),
};

/** Routes that anybody may call. To add one here is a decision about security. */
export const OPEN_ROUTES: readonly string[] = ['getHealth', 'login', 'refreshSession', 'acceptInvitation'];

/** Routes after which the org is of no more use: each gets one of its own. */
export const ENDS_ITS_ORG: readonly string[] = ['suspendOrg', 'putRetention'];

/** What the audit log holds after each route that changes, hands out or verifies something: its `action`. */
export const AUDITED: Readonly<Record<string, string>> = {
  exportDecisions: 'decisions.export',
  erasePerson: 'person.erase',
  verifyOrgChain: 'chain.verify',
  putRetention: 'retention.update',
  createPolicy: 'policy.create',
  replacePolicy: 'policy.update',
  deletePolicy: 'policy.delete',
  createBudget: 'budget.create',
  changeBudget: 'budget.change',
  archiveBudget: 'budget.archive',
  adjustBudget: 'budget.adjust',
  exportUsage: 'usage.export',
  importPrices: 'prices.import',
  createWebhook: 'webhook.create',
  changeWebhook: 'webhook.change',
  deleteWebhook: 'webhook.delete',
  rotateWebhookSecret: 'webhook.rotate',
  testWebhook: 'webhook.test',
  replayDelivery: 'webhook.replay',
  closeConnection: 'connection.close',
  createOrg: 'org.create',
  updateOrg: 'org.update',
  suspendOrg: 'org.suspend',
  updateMember: 'member.update',
  removeMember: 'member.remove',
  createInvitation: 'invitation.create',
  revokeInvitation: 'invitation.revoke',
  createKey: 'key.create',
  updateKey: 'key.update',
  rotateKey: 'key.rotate',
  revokeKey: 'key.revoke',
  exportAudit: 'audit.export',
  verifyAudit: 'audit.verify',
  login: 'session.begin',
  logout: 'session.end',
  acceptInvitation: 'invitation.accept',
  changePassword: 'password.change',
  getRawText: 'raw-text.read',
  eraseRawText: 'raw-text.erase',
};

/** Routes that change something and are not audited one by one, with the reason. To add one is a decision about security. */
export const NOT_AUDITED: Readonly<Record<string, string>> = {
  postDecisions: 'the chain of decisions is their record',
  dryRunPolicies: 'changes nothing',
  createHold: 'the ledger is the record of holds',
  settleHold: 'the ledger is the record of holds',
  releaseHold: 'the ledger is the record of holds',
  readNotifications: 'a person marks what only that person reads',
  refreshSession: 'carries on what session.begin tells; refusals are audited',
  createTicket: 'the connection that it makes is audited',
};

interface MessageSample {
  /** Null: any credential may send it. */
  scope: Scope | null;
  message(org: string): Record<string, unknown>;
  /** The type of the answer when it is allowed, or the code of its ERROR. */
  answer: string;
  /** Every socket takes it; others may not be taken by one, which is then the same for everybody. */
  everywhere?: true;
}

const hold = () => ({ idempotencyKey: randomUUID(), amount: '1', currency: 'USD' });
const decisions = (org: string) => channelName({ kind: 'decisions', orgId: org });

/** One of each message a client sends; a new type without a sample does not compile. AUTH is tried by itself. */
export const MESSAGES: Readonly<Record<Exclude<ClientMessageType, 'AUTH'>, MessageSample>> = {
  INGEST: {
    scope: 'decisions:write',
    message: (org) => ({ channel: decisions(org), ...ingest(org) }),
    answer: 'ACK',
    everywhere: true,
  },
  SUB: {
    scope: 'decisions:read',
    message: (org) => ({ channels: [decisions(org)] }),
    answer: 'SUB_SUCCESS',
  },
  UNSUB: { scope: null, message: (org) => ({ channels: [decisions(org)] }), answer: 'UNSUB_SUCCESS' },
  PING: { scope: null, message: () => ({}), answer: 'PONG', everywhere: true },
  HOLD: { scope: 'decisions:write', message: () => hold(), answer: 'HOLD_RESULT' },
  SETTLE: {
    scope: 'decisions:write',
    message: () => ({ holdId: 'none', amount: '1' }),
    answer: 'NOT_FOUND',
  },
  RELEASE: { scope: 'decisions:write', message: () => ({ holdId: 'none' }), answer: 'NOT_FOUND' },
};

/** A channel of each kind, of an org and a user; a new kind without a sample does not compile. */
export const CHANNELS: Readonly<Record<Channel['kind'], (org: string, userId: string) => Channel>> = {
  decisions: (org) => ({ kind: 'decisions', orgId: org }),
  toolDecisions: (org) => ({ kind: 'toolDecisions', orgId: org, tool: 'web.*' }),
  budget: (org) => ({ kind: 'budget', orgId: org }),
  notifications: (_org, userId) => ({ kind: 'notifications', userId }),
};
