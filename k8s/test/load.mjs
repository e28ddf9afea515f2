// A load that watches itself, run as a pod by tools/k8s/test.sh: publishes RATE decisions a second over HTTP, over ingest-gateway's
// socket and relayed by push-gateway, subscribes as a dashboard does, and comes back after every close. When /tmp/stop appears it
// waits for what is under way, compares what was acknowledged with what was pushed and what is stored, prints a report as JSON and
// ends with 1 if a single decision is lost, doubled or out of order.
// Environment: ORG, API_KEY (all scopes), RATE, INGEST_URL, PUSH_URL, RECORDS_URL.
import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const WebSocket = createRequire(`${process.cwd()}/`)('ws');
const { ORG, API_KEY, INGEST_URL, PUSH_URL, RECORDS_URL } = process.env;
const RATE = Number(process.env.RATE ?? 200);
const TICK_MS = 50;
const RETRY_AFTER_MS = 5_000;
const SETTLE_MS = 90_000;
const SUBSCRIBERS = 3;
const CHANNEL = `org:${ORG}:decisions`;
const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };

const counts = { sent: 0, acked: 0, retried: 0, refused: {}, closes: {}, resumes: 0, repeats: 0 };
const faults = [];
/** What is not acknowledged yet, by its key. */
const pending = new Map();
/** The ids that were acknowledged, by their key: what must be there in the end. */
const acknowledged = new Map();
let stopped = false;

/** One socket that is opened again whenever it closes. */
class Line {
  #url;
  #onFrame;
  #onOpen;
  #socket = null;
  #closed = false;

  constructor(url, onFrame, onOpen = () => {}) {
    this.#url = url.replace(/^http/, 'ws');
    this.#onFrame = onFrame;
    this.#onOpen = onOpen;
    this.#connect(0);
  }

  send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  close() {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #connect(attempt) {
    if (this.#closed) return;
    const socket = new WebSocket(this.#url, { headers, handshakeTimeout: 5_000 });
    this.#socket = socket;
    let opened = false;
    // A node that vanished says nothing: what is silent is given up.
    const beat = setInterval(() => (socket.readyState === WebSocket.OPEN ? socket.ping() : undefined), 2_000);
    let heard = Date.now();
    const watch = setInterval(() => Date.now() - heard > 8_000 && socket.terminate(), 1_000);
    socket.on('pong', () => (heard = Date.now()));
    socket.on('open', () => {
      opened = true;
      heard = Date.now();
      this.#onOpen(this);
    });
    socket.on('message', (data) => {
      heard = Date.now();
      this.#onFrame(JSON.parse(String(data)), this);
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      clearInterval(beat);
      clearInterval(watch);
      if (this.#closed) return;
      count(counts.closes, opened ? code : 'refused');
      const told = /"retryAfterMs":(\d+)/.exec(String(reason))?.[1];
      setTimeout(
        () => this.#connect(opened ? 0 : attempt + 1),
        told ? Number(told) : Math.min(200 * 2 ** attempt, 3_000),
      );
    });
  }
}

/** Receives every decision once and in order, whatever happens to its socket. */
class Subscriber {
  /** The seq of each decision received. */
  received = new Map();
  last = null;

  constructor(name) {
    this.name = name;
    this.line = new Line(
      `${PUSH_URL}/ws`,
      (frame) => this.#take(frame),
      (line) => this.#subscribe(line),
    );
  }

  #subscribe(line) {
    if (this.last !== null) counts.resumes++;
    line.send({ type: 'SUB', channels: [CHANNEL], ...(this.last !== null && { since: { [CHANNEL]: this.last } }) });
  }

  #take(frame) {
    if (frame.type === 'SUB_SUCCESS') this.last ??= frame.positions[CHANNEL];
    if (frame.type === 'ERROR') {
      count(counts.refused, `SUB ${frame.code}`);
      // The database is away, for instance: the same again on a new socket.
      setTimeout(() => this.#subscribe(this.line), frame.retryAfterMs ?? 1_000);
    }
    if (frame.type !== 'DECISION') return;
    if (this.last !== null && frame.seq !== this.last + 1)
      fault(`${this.name} got seq ${frame.seq} after ${this.last}`);
    if (this.received.has(frame.data.id)) fault(`${this.name} got ${frame.data.id} twice`);
    this.received.set(frame.data.id, frame.seq);
    this.last = frame.seq;
  }
}

const ways = {
  http: (items) => overHttp(items),
  ingest: (items) => overSocket(ingestLine, items),
  relayed: (items) => overSocket(relayLine, items),
};
const ingestLine = new Line(`${INGEST_URL}/ws`, answered);
const relayLine = new Line(`${PUSH_URL}/ws`, answered);
const subscribers = Array.from({ length: SUBSCRIBERS }, (_, i) => new Subscriber(`subscriber ${i + 1}`));
while (subscribers.some(({ last }) => last === null)) await sleep(50);
const firstSeq = subscribers[0].last;

const retries = setInterval(retryOld, 500);
let owed = 0;
let tick = performance.now();
while (!existsSync('/tmp/stop')) {
  await sleep(TICK_MS);
  const now = performance.now();
  owed += ((now - tick) / 1000) * RATE;
  tick = now;
  const items = Array.from({ length: Math.floor(owed) }, newDecision);
  owed -= items.length;
  // A third each way.
  for (const [index, way] of Object.keys(ways).entries())
    send(
      way,
      items.filter((_, i) => i % 3 === index),
    );
  writeFileSync('/tmp/state.json', JSON.stringify({ ...counts, pending: pending.size, faults: faults.length }));
}
await finish();

function newDecision() {
  counts.sent++;
  return {
    channel: CHANNEL,
    schema: 'decision.v1',
    idempotencyKey: `load-${randomUUID()}`,
    data: { direction: 'precheck', decision: 'allow', tool: 'load.test', payloadHash: 'sha256:load', latencyMs: 1 },
  };
}

function send(way, items) {
  for (const item of items) pending.set(item.idempotencyKey, { item, way, sentAt: Date.now() });
  if (items.length > 0) ways[way](items);
}

async function overHttp(items) {
  try {
    const response = await fetch(`${INGEST_URL}/v1/decisions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ decisions: items }),
      signal: AbortSignal.timeout(RETRY_AFTER_MS),
    });
    if (!response.ok) return count(counts.refused, `HTTP ${response.status}`);
    for (const result of (await response.json()).results)
      answered(result.error ? { type: 'ERROR', id: result.id, ...result.error } : { type: 'ACK', ...result });
  } catch (error) {
    count(counts.refused, `HTTP ${error.cause?.code ?? error.name}`);
  }
}

function overSocket(line, items) {
  for (const item of items) line.send({ type: 'INGEST', ...item });
}

function answered(frame) {
  if (frame.type === 'ERROR') count(counts.refused, frame.code);
  if (frame.type !== 'ACK') return;
  const before = acknowledged.get(frame.id);
  if (before && before !== frame.decisionId) fault(`${frame.id} was ${before} and is ${frame.decisionId}`);
  if (before) counts.repeats++;
  else counts.acked++;
  acknowledged.set(frame.id, frame.decisionId);
  pending.delete(frame.id);
}

/** What was refused, or sent into a socket that broke, goes again under the same key, another way. */
function retryOld() {
  const now = Date.now();
  const names = Object.keys(ways);
  for (const entry of pending.values()) {
    if (now - entry.sentAt < RETRY_AFTER_MS) continue;
    counts.retried++;
    send(names[(names.indexOf(entry.way) + 1) % names.length], [entry.item]);
  }
}

async function finish() {
  stopped = true;
  const deadline = Date.now() + SETTLE_MS;
  while (pending.size > 0 && Date.now() < deadline) await sleep(200);
  clearInterval(retries);
  if (pending.size > 0) fault(`${pending.size} were never acknowledged, for instance ${pending.keys().next().value}`);
  const wanted = [...acknowledged.values()];
  for (const subscriber of subscribers) {
    while (wanted.some((id) => !subscriber.received.has(id)) && Date.now() < deadline) await sleep(500);
    const missing = wanted.filter((id) => !subscriber.received.has(id));
    if (missing.length > 0) fault(`${subscriber.name} missed ${missing.length}, for instance ${missing[0]}`);
  }
  await compareStored(wanted);
  ingestLine.close();
  relayLine.close();
  for (const subscriber of subscribers) subscriber.line.close();
  const report = {
    ...counts,
    pushed: subscribers.map(({ received }) => received.size),
    faults: faults.slice(0, 20),
    faultCount: faults.length,
  };
  console.log(JSON.stringify(report));
  process.exit(faults.length === 0 ? 0 : 1);
}

/** Reads everything that was stored since the start, page by page. */
async function compareStored(wanted) {
  const stored = new Map();
  let after = firstSeq;
  for (;;) {
    const response = await fetch(`${RECORDS_URL}/v1/orgs/${ORG}/decisions?afterSeq=${after}&limit=1000`, { headers });
    if (!response.ok) return fault(`reading what is stored answered ${response.status}: ${await response.text()}`);
    const { items } = await response.json();
    if (items.length === 0) break;
    for (const { seq, id } of items) {
      if (seq !== after + 1) fault(`stored seq ${seq} follows ${after}`);
      if (stored.has(id)) fault(`${id} is stored twice`);
      stored.set(id, seq);
      after = seq;
    }
  }
  const missing = wanted.filter((id) => !stored.has(id));
  if (missing.length > 0) fault(`${missing.length} acknowledged ones are not stored, for instance ${missing[0]}`);
  counts.stored = wanted.length - missing.length;
}

function fault(text) {
  faults.push(text);
  if (faults.length <= 20) console.error(`FAULT ${text}${stopped ? '' : ' (under load)'}`);
}

function count(table, key) {
  table[key] = (table[key] ?? 0) + 1;
}
