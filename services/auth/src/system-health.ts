import { type getHealth, readiness, SERVICES, type ServiceName } from '@governsai/contracts';
import type { z } from 'zod';

export type SystemHealth = z.input<typeof getHealth.response>;

const TIMEOUT_MS = 1500;
/** An answer serves all who ask within this time: the route is open, and each answer costs a request to every service. */
const REUSE_MS = 1000;

export interface SystemHealthOptions {
  /** What auth knows of itself. */
  own: () => string;
  /** Where the other services are. */
  targets: Partial<Record<ServiceName, string>>;
}

/** Asks all services how they are. */
export class SystemHealthReader {
  readonly #options: SystemHealthOptions;
  #answer: Promise<SystemHealth> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SystemHealthOptions) {
    this.#options = options;
  }

  /** Takes at most 1.5 s; never rejects. A service that does not answer is `unreachable`. */
  read(): Promise<SystemHealth> {
    const now = performance.now();
    if (this.#answer === undefined || now - this.#askedAt > REUSE_MS) {
      this.#askedAt = now;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  async #ask(): Promise<SystemHealth> {
    const statuses = await Promise.all(SERVICES.map((name) => this.#statusOf(name)));
    const services = Object.fromEntries(
      SERVICES.map((name, index) => [name, { status: statuses[index] ?? 'unknown' }]),
    );
    return {
      status: summarize(statuses),
      services: services as SystemHealth['services'],
      timestamp: new Date().toISOString(),
    };
  }

  async #statusOf(name: ServiceName): Promise<string> {
    if (name === 'auth') return this.#options.own();
    const target = this.#options.targets[name];
    if (target === undefined) return 'unknown';
    try {
      const answer = await fetch(new URL('/readyz', target), { signal: AbortSignal.timeout(TIMEOUT_MS) });
      return readiness.parse(await answer.json()).status;
    } catch {
      return 'unreachable';
    }
  }
}

/** `ok` when all are ready, `down` when none works, else `degraded`. */
function summarize(statuses: readonly string[]): SystemHealth['status'] {
  if (statuses.every((status) => status === 'ready')) return 'ok';
  return statuses.some((status) => status === 'ready' || status === 'degraded') ? 'degraded' : 'down';
}
