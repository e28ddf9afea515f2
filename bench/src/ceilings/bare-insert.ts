import { createHash } from 'node:crypto';
import pg from 'pg';
import { decisionData } from '../decisions.ts';
import { serve } from '../program.ts';

/** Nothing but the INSERT: rows of the size of decisions, 500 a transaction, on three connections. */
const BATCH = 500;
const CONNECTIONS = 3;

type Columns = unknown[][];
let prepared: Columns[] = [];

const handlers = {
  /** Makes the rows of `count` decisions, spread over `orgs` orgs. */
  prepare: async ({ run, count, orgs }: { run: string; count: number; orgs: number }) => {
    prepared = [];
    const at = new Date().toISOString();
    for (let from = 0; from < count; from += BATCH) {
      const rows = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => {
        const index = from + i;
        const data = decisionData(index);
        const hash = createHash('sha256').update(`${run}/${index}`).digest('hex');
        const record = JSON.stringify({
          ...data,
          id: `dec_${hash.slice(0, 32)}`,
          seq: index,
          prevHash: hash,
          recordedAt: at,
          receivedAt: at,
          orgId: run,
        });
        return [
          `${run}-${index % orgs}`,
          index + 1,
          `dec_${hash.slice(0, 32)}`,
          hash,
          data.direction,
          data.decision,
          data.tool,
          data.correlationId,
          '{"production"}',
          at,
          at,
          record,
          hash,
          hash,
        ];
      });
      prepared.push((rows[0] as unknown[]).map((_, column) => rows.map((row) => row[column])));
    }
  },
  insert: async ({ databaseUrl, table }: { databaseUrl: string; table: string }) => {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS });
    const begun = performance.now();
    let next = 0;
    const lane = async () => {
      const connection = await pool.connect();
      for (let values = prepared[next++]; values; values = prepared[next++]) {
        await connection.query({
          name: 'insert',
          text: `INSERT INTO ${table} (org_id, seq, id, body_hash, direction, decision, tool, correlation_id, tags, ts,
              recorded_at, record, prev_hash, hash)
            SELECT a, b, c, d, e, f, g, h, i::text[], j, k, l, m, n FROM unnest($1::text[], $2::bigint[], $3::text[],
              $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[],
              $11::timestamptz[], $12::text[], $13::text[], $14::text[]) AS r(a, b, c, d, e, f, g, h, i, j, k, l, m, n)`,
          values,
        });
      }
      connection.release();
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
    const seconds = (performance.now() - begun) / 1000;
    await pool.end();
    return { seconds };
  },
};
export type BareInsert = typeof handlers;

serve(handlers);
