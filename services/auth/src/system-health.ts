import { type getHealth, type Readiness, readiness, SERVICES, type ServiceName } from '@governsai/contracts';
import type { z } from 'zod';

export type SystemHealth = z.input<typeof getHealth.response>;
type ServiceHealth = SystemHealth['services'][ServiceName];

const TIMEOUT_MS = 1500;
/** An answer serves all who ask within this time: the route is open, and each answer costs a request to every service. */
const REUSE_MS = 1000;

export interface SystemHealthOptions {
  /** What auth knows of itself. */
  own: () => Readiness;
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
    const states = await Promise.all(SERVICES.map((name) => this.#stateOf(name)));
    return {
      status: summarize(states.map(({ status }) => status)),
      services: Object.fromEntries(SERVICES.map((name, index) => [name, states[index]])) as SystemHealth['services'],
      timestamp: new Date().toISOString(),
    };
  }

  async #stateOf(name: ServiceName): Promise<ServiceHealth> {
    if (name === 'auth') return stateFrom(this.#options.own());
    const target = this.#options.targets[name];
    if (target === undefined) return { status: 'unknown', away: [] };
    try {
      const answer = await fetch(new URL('/readyz', target), { signal: AbortSignal.timeout(TIMEOUT_MS) });
      return stateFrom(readiness.parse(await answer.json()));
    } catch {
      return { status: 'unreachable', away: [] };
    }
  }
}

/** What of a service's own answer is for everybody: not the errors, which may name addresses. */
function stateFrom({ status, dependencies }: Readiness): ServiceHealth {
  return { status, away: dependencies.flatMap(({ name, up, since }) => (up ? [] : { name, since })) };
}

/** `ok` when all are ready, `down` when none works, else `degraded`. */
function summarize(statuses: readonly string[]): SystemHealth['status'] {
  if (statuses.every((status) => status === 'ready')) return 'ok';
  return statuses.some((status) => status === 'ready' || status === 'degraded') ? 'degraded' : 'down';
}
