import { Agent, request } from 'node:http';
import { ingestBody } from '../decisions.ts';
import { LatencyRecorder, openLoop } from '../measure/latency.ts';
import type { BenchOrg } from '../orgs.ts';
import { serve } from '../program.ts';

/** Requests that are ready to be sent: making them must not cost while others are measured. */
interface Ready {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string | number>;
  body: Buffer;
}

let ready: Ready[] = [];
const statuses = new Map<number, number>();

function send(base: URL, agent: Agent, { method, path, headers, body }: Ready): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: base.hostname, port: base.port, method, path, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => {
        statuses.set(res.statusCode ?? 0, (statuses.get(res.statusCode ?? 0) ?? 0) + 1);
        resolve(text);
      });
      res.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A request. Without a value it is a GET. */
export interface Wanted {
  path: string;
  headers: Readonly<Record<string, string>>;
  value?: unknown;
}

function readied({ path, headers, value }: Wanted): Ready {
  if (value === undefined) return { method: 'GET', path, headers: { ...headers }, body: Buffer.alloc(0) };
  const body = Buffer.from(JSON.stringify(value));
  const all = { 'content-type': 'application/json', 'content-length': body.length, ...headers };
  return { method: 'POST', path, headers: all, body };
}

const handlers = {
  /** Prepares `count` decisions in requests of `batch` (1: each alone), the orgs in turn. */
  decisions: async (input: { run: string; orgs: readonly BenchOrg[]; count: number; batch: number }) => {
    const { run, orgs, count, batch } = input;
    ready = [];
    for (let from = 0; from < count; from += batch) {
      const org = orgs[ready.length % orgs.length] as BenchOrg;
      const bodies = Array.from({ length: Math.min(batch, count - from) }, (_, i) => ingestBody(run, from + i));
      const headers = { authorization: `Bearer ${org.key}` };
      ready.push(readied({ path: '/v1/decisions', headers, value: batch === 1 ? bodies[0] : { decisions: bodies } }));
    }
  },
  /** Prepares any other requests. */
  requests: async (input: readonly Wanted[]) => {
    ready = input.map(readied);
  },
  /** Sends all that is prepared over so many connections, each the next as soon as the last is answered. Tells the answers when asked to. */
  closed: async ({ url, connections, answered = false }: { url: string; connections: number; answered?: boolean }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    statuses.clear();
    const begun = performance.now();
    let next = 0;
    const answers: string[] = [];
    const connection = async () => {
      for (let at = next++; at < ready.length; at = next++) {
        const text = await send(new URL(url), agent, ready[at] as Ready);
        if (answered) answers[at] = text;
      }
    };
    await Promise.all(Array.from({ length: connections }, connection));
    agent.destroy();
    return { seconds: (performance.now() - begun) / 1000, statuses: Object.fromEntries(statuses), answers };
  },
  /** Sends all that is prepared at a rate, whether answered or not, and tells how late the answers came. */
  open: async ({ url, rate }: { url: string; rate: number }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 256 });
    const latency = new LatencyRecorder();
    const answers: Promise<void>[] = [];
    statuses.clear();
    await openLoop(rate, ready.length, (due, index) => {
      const answered = send(new URL(url), agent, ready[index] as Ready);
      answers.push(answered.then(() => latency.record(performance.now() - due)));
    });
    await Promise.all(answers);
    agent.destroy();
    return { latency: latency.summary(), statuses: Object.fromEntries(statuses) };
  },
};
export type HttpLoad = typeof handlers;

serve(handlers);
