import type { ServiceName } from '@governsai/contracts';
import { freePorts, HOST } from './ports.ts';
import { ManagedProcess, type ProcessHooks, type ProcessSpec } from './process.ts';
import { type StackFacts, serviceEnvironment, serviceProcess } from './services.ts';

/** One process of a service. */
export class Replica extends ManagedProcess {
  /** Its own address, past the edge. */
  readonly url: string;

  constructor(spec: ProcessSpec & { url: string }, hooks: ProcessHooks) {
    super(spec, hooks);
    this.url = spec.url;
  }
}

interface ServiceOptions {
  facts: StackFacts;
  /** Variables on top of the table's. */
  extra: Record<string, string>;
  hooks: ProcessHooks;
  /** Port of the first replica; the others take free ones. */
  firstPort: number;
}

/** A service of a stack: any number of replicas, which the edge uses in turn. */
export class StackService {
  readonly name: ServiceName;
  readonly #options: ServiceOptions;
  #replicas: Replica[] = [];

  constructor(name: ServiceName, options: ServiceOptions) {
    this.name = name;
    this.#options = options;
  }

  get replicas(): readonly Replica[] {
    return this.#replicas;
  }

  /** Starts or stops processes until there are `count`, the newest stopped first; resolves when all are ready or gone. */
  async scale(count: number): Promise<void> {
    const surplus = this.#replicas.slice(count);
    this.#replicas = this.#replicas.slice(0, count);
    while (this.#replicas.length < count) this.#replicas.push(await this.#newReplica(this.#replicas.length));
    await Promise.all([
      ...this.#replicas.map((replica) => replica.start()),
      ...surplus.map((replica) => replica.stop()),
    ]);
  }

  /** Restarts its processes one after the other, as a rolling update does. */
  async restart(): Promise<void> {
    for (const replica of this.#replicas) await replica.restart();
  }

  /** Addresses that take requests: of the ready replicas, or of the living ones when none is ready. */
  upstreams(): string[] {
    const ready = this.#replicas.filter((replica) => replica.isReady);
    const usable = ready.length > 0 ? ready : this.#replicas.filter((replica) => replica.pid !== null);
    return usable.map((replica) => replica.url);
  }

  describe(): { url: string; pids: number[] } {
    const pids = this.#replicas.flatMap((replica) => replica.pid ?? []);
    return { url: this.#replicas[0]?.url ?? `http://${HOST}:${this.#options.firstPort}`, pids };
  }

  async #newReplica(index: number): Promise<Replica> {
    const { facts, extra, hooks, firstPort } = this.#options;
    const port = index === 0 ? firstPort : (await freePorts(['port'])).port;
    const processName = index === 0 ? this.name : `${this.name}-${index + 1}`;
    const environment = serviceEnvironment(this.name, port, facts, extra);
    return new Replica(serviceProcess(this.name, processName, `http://${HOST}:${port}`, environment), hooks);
  }
}
