import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { stackSecrets } from '../../tools/dist/secrets.js';
import { type Stack, startStack } from '../../tools/dist/stack.js';
import { CpuClock } from './measure/cpu.ts';
import { Program } from './program.ts';
import type { TraceSink } from './programs/trace-sink.ts';

export interface BenchStackOptions {
  dir: string;
  say: (text: string) => void;
  /** On top of the environment of every service. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** The system under test, set up as for production: every service a process, what is acknowledged is on the disk. */
export interface BenchStack {
  readonly stack: Stack;
  url(service: ServiceName): string;
  pid(service: ServiceName): number;
  /** CPU time from now on: of the five services, of the servers, and of the programs named. */
  cpuClock(programs?: Readonly<Record<string, number>>): CpuClock;
  /** What the services show each other. */
  readonly internalToken: string;
  /** Bytes of spans that the services have sent to their collector. */
  spanBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** One trace in ten is recorded. */
const TRACED = '0.1';

export async function startBenchStack({ dir, say, env, signal }: BenchStackOptions): Promise<BenchStack> {
  const sink = new Program<TraceSink>('programs/trace-sink.js');
  const shared: Record<string, string> = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    HEALTH_CHECK_INTERVAL: '5000',
    OTEL_EXPORTER_OTLP_ENDPOINT: await sink.call('listen', null),
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: TRACED,
    // All load comes from one address and is to measure hashing, not its limits.
    LOGIN_ADDRESS_PER_MINUTE: '10000',
    LOGIN_ACCOUNT_PER_MINUTE: '10000',
    ...env,
  };
  const stack = await startStack({
    dir,
    temporary: true,
    durable: true,
    env: Object.fromEntries(SERVICES.map((name) => [name, shared])),
    progress: say,
    signal,
  }).catch(async (error: unknown) => {
    await sink.stop();
    throw error;
  });
  return {
    stack,
    url: (service) => stack.service(service).describe().url,
    pid: (service) => stack.service(service).describe().pids[0] ?? 0,
    cpuClock: (programs = {}) => {
      const pids: Record<string, number[]> = {};
      for (const name of SERVICES) pids[name] = stack.service(name).describe().pids;
      pids.kafka = [stack.kafka.pid ?? 0];
      pids.postgres = [stack.postgres.pid ?? 0];
      for (const [name, pid] of Object.entries(programs)) pids[name] = [pid];
      return new CpuClock(pids);
    },
    internalToken: stackSecrets(join(dir, 'secrets.json')).internalToken,
    spanBytes: () => sink.call('bytes', null),
    async stop() {
      await stack.stop();
      await sink.stop();
    },
  };
}
