import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import type { Console } from './console.ts';
import { demoOrgs } from './demo-orgs.ts';
import { Guard } from './guard.ts';
import { LOCK_FILE } from './lock.ts';
import { DEV_DIR, ROOT } from './paths.ts';
import { choosePorts, DEFAULT_PORTS, HOST, type Ports } from './ports.ts';
import { postgresUrl } from './postgres.ts';
import type { RunningStack } from './running-stack.ts';
import { stackSecrets } from './secrets.ts';
import { STACK_FILE, type StackFile } from './stack-file.ts';

const execute = promisify(execFile);

const PULL_TIMEOUT_MS = 120_000;
const REFRESH_MS = 1_000;
const OBSERVABILITY = 'observability';

/** Images the stack cannot run without, and those of the profile that is on where they are to be had. */
interface Images {
  needed: string[];
  optional: string[];
}

/** A sentence why the stack cannot be run by `docker compose` here; null when it can. Pulls the images that are missing. */
export async function whyNotCompose(say: (text: string) => void, signal: AbortSignal): Promise<string | null> {
  if (!(await works(['info'], signal))) return 'No Docker daemon answers.';
  if (!(await works(['compose', 'version'], signal))) return 'The Docker here has no `docker compose`.';
  const { needed } = await images();
  for (const image of needed) {
    if (!(await isThere(image, say, signal))) return `Docker has no image ${image} and cannot pull it.`;
  }
  return null;
}

interface ComposeOptions {
  console: Console;
  say: (text: string) => void;
  changed: () => void;
  signal: AbortSignal;
}

/** Starts the local stack in containers. */
export async function startCompose(options: ComposeOptions): Promise<RunningStack> {
  const { say, signal } = options;
  const ports = await choosePorts(composePorts(), (name, wanted, chosen) =>
    say(`port ${wanted} is in use by another program: ${name} takes ${chosen}`),
  );
  const { optional } = await images();
  let observed = true;
  for (const image of optional) observed &&= await isThere(image, say, signal);
  if (!observed) say('Jaeger, Prometheus and Grafana are left out: not all of their images can be had');
  const stack = new ComposeStack(ports, observed, options);
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Takes down what an earlier `make dev` left in containers. `volumes`: its data too. Does nothing without a daemon. */
export async function composeDown(volumes: boolean): Promise<void> {
  if (!(await works(['info'])) || !(await works(['compose', 'version']))) return;
  await docker(['compose', '--profile', OBSERVABILITY, 'down', '--remove-orphans', ...(volumes ? ['--volumes'] : [])]);
}

class ComposeStack implements RunningStack {
  readonly #ports: ReturnType<typeof composePorts>;
  readonly #observed: boolean;
  readonly #options: ComposeOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #password: string;
  readonly #guard = new Guard();
  #pids: Record<string, number> = {};
  #stopping = false;

  constructor(ports: ReturnType<typeof composePorts>, observed: boolean, options: ComposeOptions) {
    this.#ports = ports;
    this.#observed = observed;
    this.#options = options;
    const secrets = stackSecrets(`${DEV_DIR}/secrets.json`);
    this.#password = secrets.postgresPassword;
    this.#env = {
      ...process.env,
      ...portVariables(ports),
      ...(observed && { COMPOSE_PROFILES: OBSERVABILITY, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318' }),
      POSTGRES_PASSWORD: secrets.postgresPassword,
      APP_PASSWORD: secrets.appPassword,
    };
    this.#guard.runAtEnd(['docker', 'compose', '--project-directory', ROOT, '--profile', OBSERVABILITY, 'down']);
    for (const path of [STACK_FILE, LOCK_FILE]) this.#guard.removeAtEnd(path);
  }

  async start(): Promise<void> {
    this.#options.say('building the images and starting the containers');
    await this.#compose(['up', '--build', '--detach', '--wait'], (line) => this.#options.console.say(line));
    await this.#refresh();
    void this.#follow();
  }

  describe(): StackFile {
    const at = (port: number) => `http://${HOST}:${port}`;
    const services = SERVICES.map((name) => {
      const pid = this.#pids[name];
      return [name, { url: at(this.#ports[name]), pids: pid ? [pid] : [] }] as const;
    });
    return {
      edgeUrl: at(this.#ports.edge),
      wsUrl: `ws://${HOST}:${this.#ports.edge}/ws`,
      databaseUrl: postgresUrl({ port: this.#ports.postgres, password: this.#password, database: 'governsai' }),
      kafkaBrokers: [`${HOST}:${this.#ports.kafka}`],
      jaegerUrl: this.#observed ? at(this.#ports.jaeger) : null,
      prometheusUrl: this.#observed ? at(this.#ports.prometheus) : null,
      grafanaUrl: this.#observed ? at(this.#ports.grafana) : null,
      orgs: demoOrgs(),
      services: Object.fromEntries(services) as StackFile['services'],
      pids: { kafka: this.#pids.kafka ?? null, postgres: this.#pids.postgres ?? null },
    };
  }

  async restartService(name: ServiceName): Promise<void> {
    await this.#compose(['up', '--build', '--detach', '--wait', '--no-deps', name], () => {});
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await docker(['compose', '--profile', OBSERVABILITY, 'down'], this.#env);
    await this.#guard.close();
  }

  /** Shows what the containers log and keeps the pids up to date: Docker restarts them by itself. */
  async #follow(): Promise<void> {
    this.#compose(['logs', '--follow', '--no-color', '--tail', '0'], (line) => {
      const [name = '', text = ''] = line.split(/\s*\| (.*)/s);
      this.#options.console.output(name.replace(/-\d+$/, ''), text);
    }).catch(() => {});
    while (!this.#stopping) {
      await sleep(REFRESH_MS, undefined, { ref: false });
      await this.#refresh().catch(() => {});
    }
  }

  async #refresh(): Promise<void> {
    const { stdout: ids } = await docker(['compose', 'ps', '--quiet'], this.#env);
    const format = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Pid}}';
    const { stdout } = await docker(['inspect', '--format', format, ...ids.split('\n').filter(Boolean)]);
    const pids = Object.fromEntries(
      stdout.split('\n').flatMap((line) => {
        const [name = '', pid] = line.split(' ');
        return Number(pid) > 0 ? [[name, Number(pid)]] : [];
      }),
    );
    if (JSON.stringify(pids) === JSON.stringify(this.#pids)) return;
    this.#pids = pids;
    if (!this.#stopping) this.#options.changed();
  }

  async #compose(args: readonly string[], output: (line: string) => void): Promise<void> {
    const child = spawn('docker', ['compose', '--ansi', 'never', ...args], {
      cwd: ROOT,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: this.#options.signal,
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', output);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) =>
        code === 0
          ? resolve()
          : reject(new Error(`\`docker compose ${args.join(' ')}\` ended with exit code ${code}.`)),
      );
    });
  }
}

function composePorts(): Omit<Ports, 'kafka-controller'> & Record<'jaeger' | 'prometheus' | 'grafana', number> {
  const { 'kafka-controller': _inside, ...ports } = DEFAULT_PORTS;
  return { ...ports, jaeger: 16_686, prometheus: 9090, grafana: 3006 };
}

/** `EDGE_PORT`, `INGEST_GATEWAY_PORT` …, as docker-compose.yml reads them. */
function portVariables(ports: Record<string, number>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [`${name.toUpperCase().replaceAll('-', '_')}_PORT`, String(port)]),
  );
}

/** The images as docker-compose.yml and the environment name them; those built here need NODE_IMAGE. */
async function images(): Promise<Images> {
  const list = async (profile: string[]) => {
    const { stdout } = await docker(['compose', ...profile, 'config', '--format', 'json']);
    const { services } = JSON.parse(stdout) as {
      services: Record<string, { image?: string; build?: { args?: Record<string, string> } }>;
    };
    return [...new Set(Object.values(services).map(({ image, build }) => build?.args?.NODE_IMAGE ?? image ?? ''))];
  };
  const needed = await list([]);
  const all = await list(['--profile', OBSERVABILITY]);
  return { needed, optional: all.filter((image) => !needed.includes(image)) };
}

async function isThere(image: string, say: (text: string) => void, signal: AbortSignal): Promise<boolean> {
  if (await works(['image', 'inspect', image], signal)) return true;
  say(`pulling ${image}`);
  return works(['pull', '--quiet', image], signal);
}

async function works(args: readonly string[], signal?: AbortSignal): Promise<boolean> {
  return execute('docker', args, { timeout: PULL_TIMEOUT_MS, cwd: ROOT, ...(signal && { signal }) }).then(
    () => true,
    () => false,
  );
}

function docker(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  return execute('docker', args, { cwd: ROOT, env, maxBuffer: 16 * 1024 * 1024 });
}
