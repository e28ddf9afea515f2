import type { Readiness } from '@governsai/contracts';
import type { Logger } from './logger.ts';
import { Gauge } from './metrics.ts';
import { VERSION } from './version.ts';

const CHECK_TIMEOUT_MS = 2000;

const dependencyUp = new Gauge({
  name: 'governsai_dependency_up',
  help: '1 while the dependency answers, else 0.',
  labelNames: ['dependency'],
});

export interface DependencyOptions {
  /** Required: the service is not ready without it. Otherwise it is degraded, yet ready. */
  required: boolean;
  /** Rejects when the dependency is down. Absent: the state comes from `report` alone, up until told otherwise. */
  check?: () => Promise<void>;
}

export interface HealthOptions {
  service: string;
  /** The release; the one of this repository unless given. */
  version?: string;
  /** Milliseconds between two checks. */
  intervalMs: number;
  log: Logger;
  /** The time, for tests. */
  now?: () => Date;
}

interface Dependency extends DependencyOptions {
  up: boolean;
  since: Date;
  error: string | undefined;
}

/** What a service knows of its own state and of what it depends on. */
export class Health {
  readonly #options: HealthOptions;
  readonly #now: () => Date;
  readonly #dependencies = new Map<string, Dependency>();
  #phase: 'starting' | 'running' | 'draining' = 'starting';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /** Names a dependency. One with a check counts as down until its first check passed. */
  dependency(name: string, options: DependencyOptions): this {
    const unchecked = options.check !== undefined;
    this.#dependencies.set(name, {
      ...options,
      up: !unchecked,
      since: this.#now(),
      error: unchecked ? 'not checked yet' : undefined,
    });
    dependencyUp.set({ dependency: name }, unchecked ? 0 : 1);
    return this;
  }

  /** Says at once what a part has met: an error, or null when all is well. A name not known yet becomes an optional dependency. */
  report(name: string, error: unknown): void {
    const known = this.#dependencies.get(name) ?? this.dependency(name, { required: false }).#dependencies.get(name);
    // What is closed on purpose is not down.
    if (!known || this.#phase === 'draining') return;
    const up = error === null || error === undefined;
    if (up !== known.up) {
      known.since = this.#now();
      if (up) this.#options.log.info({ dependency: name }, 'dependency is up');
      else this.#options.log.warn({ dependency: name, err: error }, 'dependency is down');
    }
    known.up = up;
    known.error = up ? undefined : describe(error);
    dependencyUp.set({ dependency: name }, up ? 1 : 0);
  }

  /** Checks every dependency, now and each interval after the last round. Returns at once. */
  start(): void {
    void this.check().then(() => {
      if (this.#phase === 'draining') return;
      this.#timer = setTimeout(() => this.start(), this.#options.intervalMs);
      this.#timer.unref();
    });
  }

  /** The service has started: `/startupz` answers 200 from now on. */
  started(): void {
    if (this.#phase === 'starting') this.#phase = 'running';
  }

  /** The service is about to stop: `/readyz` answers 503 from now on, and nothing is checked any more. */
  draining(): void {
    this.#phase = 'draining';
    clearTimeout(this.#timer);
  }

  get hasStarted(): boolean {
    return this.#phase !== 'starting';
  }

  readiness(): Readiness {
    return {
      status: this.#status(),
      service: this.#options.service,
      version: this.#options.version ?? VERSION,
      dependencies: [...this.#dependencies].map(([name, { up, since, error, required }]) => ({
        name,
        up,
        since: since.toISOString(),
        ...(error === undefined ? {} : { error }),
        required,
      })),
    };
  }

  #status(): Readiness['status'] {
    if (this.#phase !== 'running') return this.#phase;
    const down = [...this.#dependencies.values()].filter((dependency) => !dependency.up);
    if (down.some((dependency) => dependency.required)) return 'unready';
    return down.length > 0 ? 'degraded' : 'ready';
  }

  /** Checks every dependency once, side by side. Never rejects, and ends within 2 s. */
  async check(): Promise<void> {
    await Promise.all(
      [...this.#dependencies].map(async ([name, { check }]) => {
        if (!check) return;
        const error = await withTimeout(check).then(
          () => null,
          (reason: unknown) => reason ?? new Error('failed without a reason'),
        );
        this.report(name, error);
      }),
    );
  }
}

async function withTimeout(check: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
