import { type HttpRoute, relayHolds, relayIngest } from '@governsai/contracts';
import { createInternalClient, type Health, withLinkedSpan } from '@governsai/service';
import type { z } from 'zod';
import type { Config } from './config.ts';
import { MessageRelay, type RelayItem } from './message-relay.ts';
import { relayed } from './metrics.ts';

/** ingest-gateway itself waits up to 4 s for Kafka; budget-tracker answers holds within twice its HOLD_TIMEOUT. */
const TIMEOUT_MS = 8000;
/** budget-tracker takes bodies of 1 MiB, in which each message comes with its principal. */
const MAX_HOLD_BATCH_BYTES = 256 * 1024;

type ResultOf<Route> =
  Route extends HttpRoute<z.ZodType, z.ZodType, z.ZodType, infer Response extends z.ZodType<{ results: unknown[] }>>
    ? z.output<Response>['results'][number]
    : never;
export type IngestResult = ResultOf<typeof relayIngest>;
export type HoldResult = ResultOf<typeof relayHolds>;

/** The messages that other services answer for. */
export interface Relays {
  ingest: MessageRelay<IngestResult>;
  holds: MessageRelay<HoldResult>;
  /** Ends the connections; requests under way end first. */
  close(): Promise<void>;
}

export function createRelays(config: Config, health: Health): Relays {
  const client = (baseUrl: string) =>
    createInternalClient({ baseUrl, internalToken: config.INTERNAL_TOKEN, timeoutMs: TIMEOUT_MS });
  const ingestGateway = client(config.INGEST_URL);
  const budgetTracker = client(config.BUDGETS_URL);
  const call =
    <Result>(to: string, span: string, send: (items: RelayItem[]) => Promise<{ results: Result[] }>) =>
    async (items: RelayItem[]): Promise<readonly Result[]> => {
      relayed.observe({ to }, items.length);
      try {
        // One request carries the messages of many traces: it belongs to none of them.
        const traces = items.map(({ traceparent }) => ({ traceparent }));
        const { results } = await withLinkedSpan(span, traces, {}, () => send(items));
        health.report(to, null);
        return results;
      } catch (error) {
        health.report(to, error);
        throw error;
      }
    };
  return {
    ingest: new MessageRelay({
      what: 'ingest',
      call: call('ingest-gateway', 'relay INGEST', (items) => ingestGateway.call(relayIngest, { items })),
    }),
    holds: new MessageRelay({
      what: 'the budget of holds',
      call: call('budget-tracker', 'relay holds', (items) => budgetTracker.call(relayHolds, { items })),
      maxBatchBytes: MAX_HOLD_BATCH_BYTES,
    }),
    async close() {
      await Promise.all([ingestGateway.close(), budgetTracker.close()]);
    },
  };
}
