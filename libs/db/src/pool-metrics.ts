import { LATENCY_BUCKETS } from '@governsai/telemetry';
import type pg from 'pg';
import { Gauge, Histogram } from 'prom-client';

const pools = new Set<pg.Pool>();

new Gauge({
  name: 'governsai_db_pool_connections',
  help: 'Connections to PostgreSQL by state: busy, idle.',
  labelNames: ['state'] as const,
  collect() {
    const idle = sum((pool) => pool.idleCount);
    this.set({ state: 'idle' }, idle);
    this.set({ state: 'busy' }, sum((pool) => pool.totalCount) - idle);
  },
});

new Gauge({
  name: 'governsai_db_pool_size',
  help: 'Connections to PostgreSQL at most.',
  collect() {
    this.set(sum((pool) => pool.options.max ?? 0));
  },
});

new Gauge({
  name: 'governsai_db_pool_waiting',
  help: 'Callers that wait for a connection to PostgreSQL.',
  collect() {
    this.set(sum((pool) => pool.waitingCount));
  },
});

export const transactionSeconds = new Histogram({
  name: 'governsai_db_transaction_duration_seconds',
  help: 'Seconds of transactions, waiting for a connection included, by outcome: committed, failed.',
  labelNames: ['outcome'] as const,
  buckets: [...LATENCY_BUCKETS],
});

/** Counts a pool's connections from now on; returns how to stop. */
export function watchPool(pool: pg.Pool): () => void {
  pools.add(pool);
  return () => void pools.delete(pool);
}

function sum(of: (pool: pg.Pool) => number): number {
  return Array.from(pools, of).reduce((total, count) => total + count, 0);
}
