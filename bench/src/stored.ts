import type { Database } from '@governsai/db';
import type { BenchOrg } from './orgs.ts';

/** Rows of one statement: what a progress line is worth. */
const STEP = 100_000;

/** How many decisions there are, of all orgs. */
export async function storedDecisions(admin: Database): Promise<number> {
  const [row] = await admin.system.query<{ count: number }>('SELECT count(*)::bigint AS count FROM decisions');
  return row?.count ?? 0;
}

/**
 * Adds decisions to the chains of orgs that have none, in even parts, by SQL: rows of the usual size with every column as
 * the writer fills it, but hashes that are none (each row names the one before as its own, which no verification would
 * take). Heads, marks and cursors are where they would be.
 */
export async function fillChains(
  admin: Database,
  orgs: readonly BenchOrg[],
  count: number,
  progress: (done: number) => void,
): Promise<void> {
  const each = Math.ceil(count / orgs.length);
  let done = 0;
  for (const { id } of orgs) {
    for (let from = 1; from <= each; from += STEP) {
      const to = Math.min(each, from + STEP - 1);
      await admin.system.execute(ROWS, [id, from, to]);
      done += to - from + 1;
      progress(done);
    }
    await admin.system.execute(
      `INSERT INTO org_chains (org_id, last_seq, head_hash, published_seq) VALUES ($1, $2, repeat('a', 64), $2)`,
      [id, each],
    );
    await admin.system.execute('INSERT INTO tracker_cursors (org_id, seq) VALUES ($1, $2)', [id, each]);
  }
  // As autovacuum would have left it by then.
  await admin.system.execute('VACUUM ANALYZE decisions');
  await admin.system.execute('CHECKPOINT');
}

const ROWS = `
  INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, tool, correlation_id, tags, ts, recorded_at,
    record, prev_hash, hash, person, person_salt)
  SELECT $1, s, 'dec_' || md5($1 || s), h, 'precheck', 'allow', (ARRAY['web.fetch', 'db.query', 'mail.send'])[1 + s % 3],
    'req-' || s, ARRAY['production', 'team-' || s % 7], t, t,
    format('{"correlationId":"req-%s","decision":"allow","detectorSummary":{"confidence":0.97,"piiDetected":false,"reasons":[]},"direction":"precheck","id":"dec_%s","idempotencyKey":"growth-%s","keyId":"key-%s","latencyMs":7,"orgId":"%s","payloadHash":"sha256:%s","personHash":"%s","policyId":"policy-1","prevHash":"%s","reasons":[],"receivedAt":"2026-01-01T00:00:00.000Z","recordedAt":"2026-01-01T00:00:00.000Z","scope":"https://api.example.com/v1/customers/%s","seq":%s,"tags":["production","team-%s"],"tool":"web.fetch","ts":"2026-01-01T00:00:00.000Z","usage":{"cost":"0.001","currency":"USD","inputTokens":200,"model":"gpt-5-mini","outputTokens":50,"provider":"example"},"v":1}',
      s, md5($1 || s), s, $1, $1, h, h, h, s % 977, s, s % 7),
    h, h, '{"userId":"user-1"}'::jsonb, md5(s::text)
  FROM generate_series($2::bigint, $3::bigint) AS s,
    LATERAL (SELECT md5($1 || s || 'a') || md5($1 || s || 'b') AS h, timestamptz '2026-01-01' + s * interval '1 second' AS t) AS l`;
