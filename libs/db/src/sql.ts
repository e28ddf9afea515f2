import type pg from 'pg';
import { sqlTypes } from './sql-types.ts';
import type { TraceStatement } from './statement-trace.ts';

/**
 * Runs SQL text with `$1` parameters. A JavaScript array becomes a PostgreSQL array, any other object JSON; pass a JSON
 * array as `JSON.stringify(…)`. Columns come back as said at {@link sqlTypes}: int8 as number, NUMERIC as string,
 * timestamptz as RFC 3339 UTC with milliseconds, json parsed.
 *
 * The text should be constant, with lists as one array parameter (`= ANY($1)`, `unnest($1::text[])`): each text is prepared
 * once a connection and then only executed, but for those that `unnest`.
 */
export interface Sql {
  /** The rows, in the server's order. Throws what {@link isDataError} and {@link isTransient} tell apart. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** How many rows were inserted, updated or deleted. Throws as `query` does. */
  execute(text: string, values?: readonly unknown[]): Promise<number>;
}

/** Distinct texts a database prepares. Beyond them statements run unprepared: slower, but the server's memory is bounded. */
const MAX_PREPARED = 256;

/** Gives each SQL text its prepared statement's name, the same on all connections of one pool. */
export class StatementNames {
  readonly #names = new Map<string, string>();

  /**
   * The text's name; undefined when {@link MAX_PREPARED} other texts have one, and for batches, which are planned each time: the
   * plan that a connection keeps is made while tables are as small as they are then, and of a new installation's it would
   * scan the whole for hundreds of keys long after they have grown.
   */
  nameOf(text: string): string | undefined {
    if (text.includes('unnest(')) return undefined;
    let name = this.#names.get(text);
    if (name === undefined && this.#names.size < MAX_PREPARED) {
      name = `governsai_${this.#names.size}`;
      this.#names.set(text, name);
    }
    return name;
  }
}

/** Where a statement runs: a connection, or a pool that picks one. */
interface Queryable {
  query(config: pg.QueryConfig & { types: pg.CustomTypesConfig }): Promise<pg.QueryResult>;
}

/** {@link Sql} on a connection. */
export function sqlOn(connection: Queryable, names: StatementNames, traced: TraceStatement): Sql {
  const run = (text: string, values: readonly unknown[]) =>
    traced(text, () =>
      connection.query({ name: names.nameOf(text), text, values: values as unknown[], types: sqlTypes }),
    );
  return {
    async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      return (await run(text, values)).rows as Row[];
    },
    async execute(text, values = []) {
      return (await run(text, values)).rowCount ?? 0;
    },
  };
}
