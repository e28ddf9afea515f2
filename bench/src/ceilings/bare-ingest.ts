import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { z } from 'zod';
import { serve } from '../program.ts';

/**
 * The front half of the bare pipeline: express, zod, kafkajs and nothing else. No credentials, no metrics, no traces, no
 * answer about duplicates, and no time limit: what any HTTP service before Kafka must at least do.
 */
const body = z.object({
  decisions: z
    .array(
      z.object({
        schema: z.string().max(64),
        idempotencyKey: z.string().min(1).max(256),
        data: z.object({
          direction: z.enum(['precheck', 'postcheck']),
          decision: z.enum(['allow', 'transform', 'deny', 'redact', 'block', 'confirm']),
          tool: z.string().max(1024),
          scope: z.string().max(8192),
          payloadHash: z.string().max(300),
          latencyMs: z.number().nonnegative(),
          correlationId: z.string().max(256),
          tags: z.array(z.string().max(64)).max(64),
          ts: z.string().max(64),
          reasons: z.array(z.string().max(1024)).max(256),
          detectorSummary: z.record(z.string(), z.unknown()),
          policyId: z.string().max(256),
          userId: z.string().max(256),
          usage: z.object({
            cost: z.string().max(64),
            currency: z.string().length(3),
            model: z.string().max(256),
            provider: z.string().max(256),
            inputTokens: z.int().nonnegative(),
            outputTokens: z.int().nonnegative(),
          }),
        }),
      }),
    )
    .min(1)
    .max(1000),
});

const handlers = {
  /** Listens and answers its address. */
  start: async ({ brokers, topic }: { brokers: string[]; topic: string }) => {
    const kafka = new Kafka({ brokers, clientId: 'bare-ingest', logLevel: logLevel.ERROR });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const app = express();
    app.use(express.json({ limit: '8mb' }));
    app.post('/v1/decisions', async (req, res) => {
      const { decisions } = body.parse(req.body);
      const org = createHash('sha256').update(String(req.headers.authorization)).digest('hex').slice(0, 16);
      const receivedAt = new Date().toISOString();
      const results = decisions.map(({ idempotencyKey }) => ({
        id: idempotencyKey,
        decisionId: createHash('sha256').update(`${org}/${idempotencyKey}`).digest('hex').slice(0, 32),
      }));
      const messages = decisions.map((decision, i) => ({
        key: org,
        value: JSON.stringify({ org, id: results[i]?.decisionId, receivedAt, ...decision }),
      }));
      await producer.send({ topic, acks: -1, messages });
      res.status(202).json({ results });
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
};
export type BareIngest = typeof handlers;

serve(handlers);
