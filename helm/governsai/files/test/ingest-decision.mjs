// What `helm test` runs inside the cluster: one decision goes in and comes out, through the Services of all five parts.
// Environment: ORG, API_KEY (all scopes), AUTH_URL, INGEST_URL, RECORDS_URL, BUDGETS_URL, PUSH_URL (http://service).
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

const WebSocket = createRequire(`${process.cwd()}/`)('ws');
const { ORG, API_KEY, AUTH_URL, INGEST_URL, RECORDS_URL, BUDGETS_URL, PUSH_URL } = process.env;
const TIMEOUT_MS = 30_000;
const deadline = Date.now() + TIMEOUT_MS;
const decisions = `org:${ORG}:decisions`;

await check('auth answers for the health of all', async () => {
  const health = await get(AUTH_URL, '/v1/health');
  return JSON.stringify(health.status ?? health);
});

const frames = [];
let wake = () => {};
const socket = new WebSocket(`${PUSH_URL.replace(/^http/, 'ws')}/ws`, {
  headers: { authorization: `Bearer ${API_KEY}` },
  handshakeTimeout: 10_000,
});
socket.on('message', (data) => {
  frames.push(JSON.parse(String(data)));
  wake();
});
socket.on('close', (code) => fail(`push-gateway closed the socket with ${code}: ${JSON.stringify(frames)}`));
socket.on('error', (error) => fail(`push-gateway cannot be reached: ${error.message}`));

await check('push-gateway accepts a subscription', async () => {
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'SUB', channels: [decisions] }));
  const { positions } = await frame('SUB_SUCCESS', () => true);
  return `at seq ${positions?.[decisions]}`;
});

for (const way of ['push-gateway, relayed', 'ingest-gateway, HTTP']) {
  const idempotencyKey = `helm-test-${randomUUID()}`;
  const ingest = {
    channel: decisions,
    schema: 'decision.v1',
    idempotencyKey,
    data: { direction: 'precheck', decision: 'allow', tool: 'helm.test', payloadHash: 'sha256:helm-test' },
  };
  const id = await check(`INGEST through ${way}`, async () => {
    if (way.startsWith('ingest')) {
      const answer = await call(INGEST_URL, '/v1/decisions', { method: 'POST', body: JSON.stringify(ingest) });
      return answer.decisionId;
    }
    socket.send(JSON.stringify({ type: 'INGEST', ...ingest }));
    return (await frame('ACK', (ack) => ack.id === idempotencyKey)).decisionId;
  });
  await check('the DECISION is pushed', async () => {
    const { seq } = await frame('DECISION', ({ data }) => data.id === id);
    return `seq ${seq}`;
  });
  await check('decision-writer has stored it', async () => (await get(RECORDS_URL, `/v1/orgs/${ORG}/decisions/${id}`)).hash);
}

await check('budget-tracker answers', async () => `${(await get(BUDGETS_URL, `/v1/orgs/${ORG}/budgets`)).items.length} budgets`);
console.log('all is well');
process.exit(0);

async function check(what, work) {
  try {
    const result = await work();
    console.log(`ok    ${what}: ${result}`);
    return result;
  } catch (error) {
    return fail(`${what}: ${error.message}`);
  }
}

function get(base, path) {
  return call(base, path, {});
}

async function call(base, path, init) {
  const response = await fetch(base + path, {
    ...init,
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${base}${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** The first frame of a type that fits, among those received and those to come. */
async function frame(type, fits) {
  for (;;) {
    const found = frames.find((candidate) => candidate.type === type && fits(candidate));
    if (found) return found;
    const refusal = frames.find((candidate) => candidate.type === 'ERROR');
    if (refusal) throw new Error(`answered ${JSON.stringify(refusal)}`);
    const left = deadline - Date.now();
    if (left <= 0) throw new Error(`no ${type} within ${TIMEOUT_MS / 1000} s; received: ${JSON.stringify(frames)}`);
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, left);
    });
  }
}

function fail(message) {
  console.error(`FAILED ${message}`);
  process.exit(1);
}
