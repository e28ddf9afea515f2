import type { Sql } from '@governsai/db';
import { formatDecimal } from '../domain/decimal.ts';
import type { Rollup, TagRollup } from '../domain/rollup.ts';

/** Adds usage to what the rollups hold. */
export async function addRollups(tx: Sql, rollups: readonly Rollup[]): Promise<void> {
  await tx.execute(
    `INSERT INTO usage_rollups AS r (org_id, bucket, tool, user_id, key_id, model, decision, currency, calls, cost, input_tokens,
       output_tokens)
     SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::bigint[], $10::numeric[], $11::bigint[], $12::bigint[])
     ON CONFLICT (org_id, bucket, tool, user_id, key_id, model, decision, currency) DO UPDATE
     SET calls = r.calls + EXCLUDED.calls, cost = r.cost + EXCLUDED.cost,
       input_tokens = r.input_tokens + EXCLUDED.input_tokens, output_tokens = r.output_tokens + EXCLUDED.output_tokens`,
    [
      rollups.map((rollup) => rollup.orgId),
      rollups.map((rollup) => new Date(rollup.bucket).toISOString()),
      rollups.map((rollup) => rollup.tool),
      rollups.map((rollup) => rollup.userId),
      rollups.map((rollup) => rollup.keyId),
      rollups.map((rollup) => rollup.model),
      rollups.map((rollup) => rollup.decision),
      rollups.map((rollup) => rollup.currency),
      rollups.map((rollup) => rollup.calls),
      rollups.map((rollup) => formatDecimal(rollup.cost)),
      rollups.map((rollup) => rollup.inputTokens.toString()),
      rollups.map((rollup) => rollup.outputTokens.toString()),
    ],
  );
}

/** Adds usage to what the rollups by tag hold. */
export async function addTagRollups(tx: Sql, rollups: readonly TagRollup[]): Promise<void> {
  if (rollups.length === 0) return;
  await tx.execute(
    `INSERT INTO usage_tag_rollups AS r (org_id, bucket, tag, currency, calls, cost, input_tokens, output_tokens)
     SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::numeric[], $7::bigint[], $8::bigint[])
     ON CONFLICT (org_id, bucket, tag, currency) DO UPDATE
     SET calls = r.calls + EXCLUDED.calls, cost = r.cost + EXCLUDED.cost,
       input_tokens = r.input_tokens + EXCLUDED.input_tokens, output_tokens = r.output_tokens + EXCLUDED.output_tokens`,
    [
      rollups.map((rollup) => rollup.orgId),
      rollups.map((rollup) => new Date(rollup.bucket).toISOString()),
      rollups.map((rollup) => rollup.tag),
      rollups.map((rollup) => rollup.currency),
      rollups.map((rollup) => rollup.calls),
      rollups.map((rollup) => formatDecimal(rollup.cost)),
      rollups.map((rollup) => rollup.inputTokens.toString()),
      rollups.map((rollup) => rollup.outputTokens.toString()),
    ],
  );
}
