import { createHash, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import { WebSocket, WebSocketServer } from 'ws';
import { PrismaClient } from '../../../libs/db/dist/generated/client.js';
import { serve } from '../program.ts';

/**
 * The service as its first specification draws it: one process, one `create` a message, subscribers in memory. Nothing is
 * in order, nothing survives a crash between the two, and a second process would push half.
 */
interface Incoming {
  type: string;
  channels?: string[];
  idempotencyKey?: string;
  data?: { direction: string; decision: string; tool?: string; correlationId?: string; tags?: string[]; ts?: string };
}

const handlers = {
  listen: async ({ databaseUrl, orgId }: { databaseUrl: string; orgId: string }) => {
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl, max: 10 }) });
    const subscribers = new Map<string, Set<WebSocket>>();
    let seq = 0n;
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });

    async function ingest(socket: WebSocket, { idempotencyKey = '', data }: Incoming): Promise<void> {
      if (!data) return;
      const id = `dec_${createHash('sha256').update(`${orgId}/${idempotencyKey}`).digest('hex').slice(0, 32)}`;
      const text = JSON.stringify(data);
      const hash = createHash('sha256').update(text).digest('hex');
      const { direction, decision, tool = null, correlationId = null, tags = [], ts } = data;
      const at = new Date();
      await prisma.decision.create({
        data: {
          orgId,
          seq: ++seq,
          id,
          bodyHash: hash,
          direction,
          decision,
          tool,
          correlationId,
          tags,
          ts: ts ?? at,
          recordedAt: at,
          record: text,
          prevHash: hash,
          hash: randomUUID(),
        },
      });
      socket.send(JSON.stringify({ type: 'ACK', id: idempotencyKey, decisionId: id, dedup: false }));
      const push = JSON.stringify({
        type: 'DECISION',
        data: { id, orgId, direction, decision, tool, correlationId, timestamp: at },
      });
      for (const subscriber of subscribers.get(`org:${orgId}:decisions`) ?? []) {
        if (subscriber.readyState === WebSocket.OPEN) subscriber.send(push);
      }
    }

    server.on('connection', (socket) => {
      socket.on('message', (bytes: Buffer) => {
        const message = JSON.parse(bytes.toString()) as Incoming;
        if (message.type === 'INGEST') {
          void ingest(socket, message).catch((error: unknown) =>
            socket.send(JSON.stringify({ type: 'ERROR', message: String(error) })),
          );
        } else if (message.type === 'SUB') {
          for (const channel of message.channels ?? []) {
            const set = subscribers.get(channel) ?? new Set();
            subscribers.set(channel, set.add(socket));
          }
          socket.send(JSON.stringify({ type: 'SUB_SUCCESS', channels: message.channels }));
        }
      });
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
};
export type Naive = typeof handlers;

serve(handlers);
