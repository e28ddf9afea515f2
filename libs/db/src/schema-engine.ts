import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

export type SchemaEngine = engine.SchemaEngine;

/** As much of Node's global as is used here: neither TypeScript's `es` libraries nor @types/node 20 declare it. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ exports: { __wbindgen_start(): void } }>;
};

let loaded: Promise<void> | undefined;

/** Instantiates the engine's WebAssembly, once a process. `schema_engine.js` would do so only with a bundler. */
async function load(): Promise<void> {
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const module = await WebAssembly.compile(await readFile(script.replace(/\.js$/, '.wasm')));
  const { exports } = await WebAssembly.instantiate(module, { './schema_engine_bg.js': imports() });
  engine.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
}

/** What the WebAssembly calls. It never clears the timer of its lock, which would keep the process from ending for 10 s. */
function imports(): object {
  const functions = Object.entries(engine as Record<string, unknown>);
  const setTimer = (run: () => void, ms: number) => setTimeout(run, ms >>> 0).unref();
  return Object.fromEntries(
    functions.map(([name, it]) => [name, name.startsWith('__wbg_setTimeout_') ? setTimer : it]),
  );
}

/** The first error of PostgreSQL that a statement of the engine met; the engine's own words leave out most of it. */
interface Failure {
  error?: Error;
}

/** Prisma's adapter, except that it sends a script as it is: the original splits it at every ';', also within a function. */
function wholeScripts(pool: pg.Pool, failure: Failure): PrismaPg {
  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    adapter.executeScript = async (script) => {
      try {
        await pool.query(script);
      } catch (error) {
        failure.error ??= error as Error;
        throw error;
      }
    };
    return adapter;
  };
  return factory;
}

/**
 * Runs `use` with Prisma's schema engine on the database of `url`, compiled to WebAssembly: nothing is downloaded and no
 * binary started. A script it executes is one simple query, so PostgreSQL takes it whole or not at all. Throws the engine's
 * error with PostgreSQL's own as its cause.
 */
export async function withSchemaEngine<T>(url: string, use: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  loaded ??= load();
  await loaded;
  // One connection: the engine takes a session's advisory lock.
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 });
  pool.on('error', () => {});
  const failure: Failure = {};
  try {
    const adapters = bindMigrationAwareSqlAdapterFactory(wholeScripts(pool, failure));
    const instance = await engine.SchemaEngine.new({ datamodels: undefined }, () => {}, adapters);
    try {
      return await use(instance);
    } finally {
      instance.free();
    }
  } catch (error) {
    if (failure.error === undefined) throw error;
    throw new Error(`the schema engine failed: ${failure.error.message}`, { cause: failure.error });
  } finally {
    await pool.end();
  }
}
