import { bigintArray, type Sql, textArray, timestamptzArray } from '@governsai/db';
import { formatDecimal } from '../domain/decimal.ts';
import type { Rollup, TagRollup } from '../domain/rollup.ts';

/** Adds usage to what the rollups hold. */
export async function addRollups(tx: Sql, rollups: readonly Rollup[]): Promise<void> {
  await tx.execute(
    `INSERT INTO usage_rollups AS r (org_id, bucket, tool, user_id, key_id, model, decision, currency, calls, cost, input_tokens,
       output_tokens)
     SELECT org_id, bucket, tool, user_id, key_id, model, decision, currency, calls, cost::numeric, input_tokens::bigint,
       output_tokens::bigint
     FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::bigint[], $10::text[], $11::text[], $12::text[]) AS u(org_id, bucket, tool, user_id, key_id, model, decision,
       currency, calls, cost, input_tokens, output_tokens)
     ON CONFLICT (org_id, bucket, tool, user_id, key_id, model, decision, currency) DO UPDATE
     SET calls = r.calls + EXCLUDED.calls, cost = r.cost + EXCLUDED.cost,
       input_tokens = r.input_tokens + EXCLUDED.input_tokens, output_tokens = r.output_tokens + EXCLUDED.output_tokens`,
    [
      textArray(rollups.map((rollup) => rollup.orgId)),
      timestamptzArray(rollups.map((rollup) => rollup.bucket)),
      textArray(rollups.map((rollup) => rollup.tool)),
      textArray(rollups.map((rollup) => rollup.userId)),
      textArray(rollups.map((rollup) => rollup.keyId)),
      textArray(rollups.map((rollup) => rollup.model)),
      textArray(rollups.map((rollup) => rollup.decision)),
      textArray(rollups.map((rollup) => rollup.currency)),
      bigintArray(rollups.map((rollup) => rollup.calls)),
      textArray(rollups.map((rollup) => formatDecimal(rollup.cost))),
      textArray(rollups.map((rollup) => rollup.inputTokens.toString())),
      textArray(rollups.map((rollup) => rollup.outputTokens.toString())),
    ],
  );
}

/** Adds usage to what the rollups by tag hold. */
export async function addTagRollups(tx: Sql, rollups: readonly TagRollup[]): Promise<void> {
  if (rollups.length === 0) return;
  await tx.execute(
    `INSERT INTO usage_tag_rollups AS r (org_id, bucket, tag, currency, calls, cost, input_tokens, output_tokens)
     SELECT org_id, bucket, tag, currency, calls, cost::numeric, input_tokens::bigint, output_tokens::bigint
     FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[])
       AS u(org_id, bucket, tag, currency, calls, cost, input_tokens, output_tokens)
     ON CONFLICT (org_id, bucket, tag, currency) DO UPDATE
     SET calls = r.calls + EXCLUDED.calls, cost = r.cost + EXCLUDED.cost,
       input_tokens = r.input_tokens + EXCLUDED.input_tokens, output_tokens = r.output_tokens + EXCLUDED.output_tokens`,
    [
      textArray(rollups.map((rollup) => rollup.orgId)),
      timestamptzArray(rollups.map((rollup) => rollup.bucket)),
      textArray(rollups.map((rollup) => rollup.tag)),
      textArray(rollups.map((rollup) => rollup.currency)),
      bigintArray(rollups.map((rollup) => rollup.calls)),
      textArray(rollups.map((rollup) => formatDecimal(rollup.cost))),
      textArray(rollups.map((rollup) => rollup.inputTokens.toString())),
      textArray(rollups.map((rollup) => rollup.outputTokens.toString())),
    ],
  );
}
