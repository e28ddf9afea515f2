import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { demoOrgs } from './demo-orgs.ts';
import { createEdge, type Edge } from './edge.ts';
import { Guard } from './guard.ts';
import { LogFiles } from './log.ts';
import { DEFAULT_PORTS, freePorts, HOST, type PortName, type Ports } from './ports.ts';
import type { ManagedProcess, ProcessEvent, ProcessHooks } from './process.ts';
import { ProcessList } from './process-list.ts';
import { stackSecrets } from './secrets.ts';
import { appUrl, createTopics, migrateDatabase, prepareServers, type Servers } from './servers.ts';
import type { StackFile } from './stack-file.ts';
import { StackService } from './stack-service.ts';

export interface StackOptions {
  /** The stack's own folder: data, logs, secrets. Its data survive a stop. */
  dir: string;
  /** Ports by name; those left out are free ones. */
  ports?: Partial<Ports>;
  /** Processes of a service at the start; one of each by default. */
  replicas?: Partial<Record<ServiceName, number>>;
  /**
   * For tests of broken lines: ports of 127.0.0.1 by which the services reach the servers, instead of the servers' own.
   * `onPorts` is told where those are before anything starts.
   */
  through?: { kafka: number; postgres: number };
  onPorts?: (ports: Ports) => void;
  /** Environment variables on top of the stack's, by service. */
  env?: Partial<Record<ServiceName, Record<string, string>>>;
  /** For tests: the folder is removed at the end, whatever end it is. */
  temporary?: boolean;
  /** Whether PostgreSQL waits for the disk; unless said, it does when the stack is not temporary. */
  durable?: boolean;
  /** Files removed when the stack has ended, whatever end it was. */
  removeAtEnd?: readonly string[];
  /** Told what is being done, in words for people. */
  progress?: (text: string) => void;
  /** Told when a process starts, works or ends. */
  event?: (event: ProcessEvent) => void;
  /** Told every line a process writes; all are in `<dir>/logs/<name>.log` as well. */
  output?: (name: string, line: string) => void;
  /** Breaks off the start. */
  signal?: AbortSignal;
}

/**
 * The whole system on one machine: Kafka, PostgreSQL, the five services and an edge, all on 127.0.0.1, with handles to
 * break each of them. A process that ends without being stopped is started again with back-off, as a cluster would.
 *
 * ```ts
 * const stack = await startStack({ dir: `.test/run-${process.pid}`, temporary: true, replicas: { 'push-gateway': 2 } });
 * const [first, second] = stack.service('push-gateway').replicas;
 * await first.kill('SIGKILL');       // it is started again by itself
 * await first.whenReady();
 * await stack.postgres.stop();       // stays down until …
 * await stack.postgres.start();
 * second.pause();                    // alive and silent
 * await stack.stop();
 * ```
 */
export interface Stack {
  /** `http://127.0.0.1:<port>`: HTTP of all services, routed as by the Ingress. */
  readonly edgeUrl: string;
  /** `ws://127.0.0.1:<port>/ws`. */
  readonly wsUrl: string;
  /** PostgreSQL as superuser. */
  readonly databaseUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly kafka: ManagedProcess;
  readonly postgres: ManagedProcess;
  service(name: ServiceName): StackService;
  /** What `.dev/stack.json` says of it now. */
  describe(): StackFile;
  /** Stops everything in order: services, then servers. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

const DATABASE = 'governsai';

/** Starts a stack and resolves when every part is ready. When it rejects, nothing is left running. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stack = new NativeStack(options);
  // What is being started learns of it by being stopped.
  options.signal?.addEventListener('abort', () => void stack.stop(), { once: true });
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

class NativeStack implements Stack {
  readonly #options: StackOptions;
  readonly #logs: LogFiles;
  readonly #list: ProcessList;
  readonly #guard = new Guard();
  readonly #hooks: ProcessHooks;
  readonly #services = new Map<ServiceName, StackService>();
  #servers: Servers | null = null;
  #edges: Edge[] = [];
  #edgePort = 0;
  #stopped: Promise<void> | null = null;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#logs = new LogFiles(join(options.dir, 'logs'));
    const listFile = join(options.dir, 'processes.json');
    this.#list = new ProcessList(listFile);
    this.#list.set('reaper', this.#guard.pid);
    const atEnd = [listFile, ...(options.removeAtEnd ?? []), ...(options.temporary ? [options.dir] : [])];
    for (const path of atEnd) this.#guard.removeAtEnd(path);
    this.#hooks = {
      guard: this.#guard,
      output: (name, line) => {
        this.#logs.write(name, line);
        options.output?.(name, line);
      },
      event: (event) => {
        if (event.kind !== 'ready') this.#list.set(event.name, event.kind === 'spawned' ? event.pid : null);
        options.event?.(event);
      },
    };
  }

  get edgeUrl(): string {
    return `http://${HOST}:${this.#edgePort}`;
  }

  get wsUrl(): string {
    return `ws://${HOST}:${this.#edgePort}/ws`;
  }

  get databaseUrl(): string {
    return this.#running.adminUrl;
  }

  get kafkaBrokers(): readonly string[] {
    return this.#running.kafkaBrokers;
  }

  get kafka(): ManagedProcess {
    return this.#running.kafka;
  }

  get postgres(): ManagedProcess {
    return this.#running.postgres;
  }

  service(name: ServiceName): StackService {
    const service = this.#services.get(name);
    if (!service) throw new Error(`${name} has not been started.`);
    return service;
  }

  async start(): Promise<void> {
    const { dir, progress = () => {}, signal } = this.#options;
    const free = await freePorts(Object.keys(DEFAULT_PORTS) as PortName[]);
    const ports: Ports = { ...free, ...this.#options.ports };
    this.#options.onPorts?.(ports);
    const secrets = stackSecrets(join(dir, 'secrets.json'));
    progress('starting PostgreSQL and Kafka');
    const servers = await prepareServers({
      dir,
      ports,
      advertisedKafkaPort: this.#options.through?.kafka,
      postgresPassword: secrets.postgresPassword,
      database: DATABASE,
      durable: this.#options.durable ?? !this.#options.temporary,
      hooks: this.#hooks,
      progress,
      signal,
    });
    signal?.throwIfAborted();
    this.#servers = servers;
    const databaseUrl = appUrl(servers.adminUrl, secrets.appPassword);
    const run = { guard: this.#guard, signal, output: (line: string) => this.#hooks.output('setup', line) };
    await Promise.all([
      servers.postgres.start().then(() => {
        progress('PostgreSQL is ready; migrating and seeding');
        return migrateDatabase({ adminUrl: servers.adminUrl, appUrl: databaseUrl }, true, run);
      }),
      servers.kafka.start().then(() => {
        progress('Kafka is ready; creating topics');
        return createTopics(servers.kafkaBrokers, '', run);
      }),
    ]);
    signal?.throwIfAborted();
    progress('starting the five services');
    await this.#startServices(ports, databaseUrl, secrets);
    signal?.throwIfAborted();
  }

  async #startServices(ports: Ports, databaseUrl: string, secrets: ReturnType<typeof stackSecrets>): Promise<void> {
    this.#edgePort = ports.edge;
    const upstreams = (name: ServiceName) => this.#services.get(name)?.upstreams() ?? [];
    await this.#listen(createEdge({ upstreams }), ports.edge);
    const urls = {} as Record<ServiceName, string>;
    for (const name of SERVICES) {
      urls[name] = `http://${HOST}:${ports[name]}`;
      if ((this.#options.replicas?.[name] ?? 1) > 1) urls[name] = await this.#balance(name, upstreams);
    }
    const { through } = this.#options;
    const facts = {
      secrets,
      databaseUrl: through ? withPort(databaseUrl, through.postgres) : databaseUrl,
      kafkaBrokers: through ? [`${HOST}:${through.kafka}`] : this.kafkaBrokers,
      topicPrefix: '',
      urls,
    };
    for (const name of SERVICES) {
      const extra = this.#options.env?.[name] ?? {};
      this.#services.set(name, new StackService(name, { facts, extra, hooks: this.#hooks, firstPort: ports[name] }));
    }
    await Promise.all(SERVICES.map((name) => this.service(name).scale(this.#options.replicas?.[name] ?? 1)));
  }

  /** One address for several replicas, as a Kubernetes Service has one. */
  async #balance(name: ServiceName, upstreams: (name: ServiceName) => string[]): Promise<string> {
    const { port } = await freePorts(['port']);
    await this.#listen(createEdge({ serviceOf: () => name, upstreams, internal: true }), port);
    return `http://${HOST}:${port}`;
  }

  async #listen(edge: Edge, port: number): Promise<void> {
    await edge.listen(port, HOST);
    this.#edges.push(edge);
  }

  describe(): StackFile {
    const services = SERVICES.map((name) => [name, this.service(name).describe()] as const);
    return {
      edgeUrl: this.edgeUrl,
      wsUrl: this.wsUrl,
      databaseUrl: this.databaseUrl,
      kafkaBrokers: [...this.kafkaBrokers],
      jaegerUrl: null,
      prometheusUrl: null,
      grafanaUrl: null,
      orgs: demoOrgs(),
      services: Object.fromEntries(services) as StackFile['services'],
      pids: { kafka: this.kafka.pid, postgres: this.postgres.pid },
    };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#services.values()].map((service) => service.scale(0)));
    await Promise.all(this.#edges.map((edge) => edge.close()));
    await this.#servers?.stop();
    await this.#guard.close();
    this.#list.remove();
    this.#logs.close();
  }

  get #running(): Servers {
    if (!this.#servers) throw new Error('The stack has not been started.');
    return this.#servers;
  }
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
