import type { Stack } from '../../tools/src/stack.ts';
import { SocketClient } from '../e2e/socket-client.ts';

/** What users do with a stack, good and bad, so that every metric has something to count. */
export interface Traffic {
  /** Some of everything. */
  round(): Promise<void>;
  /** Names that nobody knows, in every place where a client chooses one. */
  oddities(seed: string): Promise<void>;
  close(): void;
}

let next = 0;

/** Begins: subscribes, and sets up budgets and a webhook in the org `acme`. */
export async function openTraffic(stack: Stack): Promise<Traffic> {
  const acme = stack.describe().orgs.find(({ slug }) => slug === 'acme');
  if (!acme) throw new Error('the stack has no org acme');
  const { edgeUrl, wsUrl } = stack;
  const open = (url: string, key: string) => SocketClient.open(url, { headers: { authorization: `Bearer ${key}` } });
  const admin = await open(wsUrl, acme.adminApiKey);
  const producer = await open(wsUrl.replace(/\/ws$/, '/ws/ingest'), acme.producerApiKey);
  const channels = ['org:acme:decisions', 'org:acme:budget'];
  await admin.ask({ type: 'SUB', channels }, 'SUB_SUCCESS');

  const call = async (method: string, path: string, body?: object, key = acme.adminApiKey) => {
    const answer = await fetch(edgeUrl + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json().catch(() => null)) as Record<string, unknown> };
  };
  const made = async (path: string, body: object) => {
    const { status, body: answer } = await call('POST', `/v1/orgs/acme/${path}`, body);
    if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
  };
  const budget = { currency: 'USD', thresholds: [1, 2, 3] };
  await made('budgets', { ...budget, name: 'Hard', limit: '1000', hard: true, scope: { tool: 'held' } });
  await made('budgets', { ...budget, name: 'Soft', limit: '1' });
  // Every delivery fails: the name leads to a network that is not public.
  await made('webhooks', { url: 'https://localhost:1/' });

  const hold = async (amount: string) => {
    const request = { idempotencyKey: `traffic-${next++}`, amount, tool: 'held' };
    const { body } = await call('POST', '/v1/orgs/acme/holds', request, acme.adminApiKey);
    return String(body.holdId);
  };

  return {
    async round() {
      const repeated = ingest();
      producer.send(repeated);
      producer.send(ingest({ idempotencyKey: '' }));
      admin.send(ingest());
      admin.send(ingest({ schema: 'none.v1' }));
      admin.send({ type: 'SUB', channels: ['org:globex:decisions'] });
      await call('POST', '/v1/decisions', ingest(), acme.producerApiKey);
      await call('POST', '/v1/decisions', { decisions: [ingest(), ingest()] }, acme.producerApiKey);
      await call('POST', '/v1/decisions', repeated, acme.producerApiKey);
      await call('POST', '/v1/decisions', repeated, acme.producerApiKey);
      await call('GET', '/v1/orgs/acme/chain/verify');
      await call('GET', '/v1/orgs/acme/budgets');
      await call('GET', '/v1/orgs/acme/webhooks');
      await call('GET', '/v1/orgs/acme/budgets/none');
      await call('POST', `/v1/orgs/acme/holds/${await hold('1')}/settle`, { amount: '1' });
      await call('POST', `/v1/orgs/acme/holds/${await hold('1')}/release`);
      await hold('100000');
      // A connection that comes and goes.
      const guest = await open(wsUrl, acme.subscriberApiKey);
      await guest.ask({ type: 'PING' }, 'PONG');
      guest.close();
      await guest.closed;
    },
    async oddities(seed) {
      for (let i = 0; i < 20; i++) {
        const name = `${seed}${i}`;
        producer.send(ingest({ schema: name }));
        producer.send({ type: name });
        admin.send({ type: name });
        admin.send({ type: 'SUB', channels: [`org:acme:${name}`] });
        await call('GET', `/v1/${name}`);
        await call('GET', `/v1/orgs/acme/budgets/${name}`);
        await call('POST', '/v1/decisions', ingest({}, { tool: name, scope: name, tags: [name] }), acme.producerApiKey);
        await call('GET', '/v1/orgs/acme/decisions', undefined, `gai_${name}`);
        await fetch(`${edgeUrl}/v1/decisions`, { method: 'PROPFIND' });
        const guest = await open(wsUrl, `gai_${name}`);
        await guest.closed;
      }
    },
    close() {
      admin.close();
      producer.close();
    },
  };
}

/** An INGEST, different from all before. */
function ingest(over: object = {}, data: object = {}): object {
  return {
    type: 'INGEST',
    schema: 'decision.v1',
    idempotencyKey: `traffic-${process.pid}-${next++}`,
    data: {
      direction: 'precheck',
      decision: 'allow',
      tool: 'web.fetch',
      payloadHash: 'sha256:abc',
      latencyMs: 7,
      usage: { cost: '0.01', currency: 'USD', inputTokens: 10 },
      ...data,
    },
    ...over,
  };
}
