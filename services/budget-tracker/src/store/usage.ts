import type { UsageDimension } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

/** Which usage is asked for. */
export interface UsageQuery {
  orgId: string;
  groupBy: readonly UsageDimension[];
  interval: 'hour' | 'day';
  /** RFC 3339: hours that begin at `from` or later and before `to`. */
  from: string;
  to: string;
  /** The last row of the page before: its bucket, dimensions and currency; null for the first page. */
  after: readonly string[] | null;
  limit: number;
}

/** Usage of one interval, group and currency. */
export interface UsageSums {
  /** RFC 3339. */
  bucket: string;
  /** In the order of `groupBy`. */
  group: string[];
  currency: string;
  calls: number;
  cost: string;
  inputTokens: number;
  outputTokens: number;
}

const COLUMNS: Record<UsageDimension, string> = {
  tool: 'tool',
  user: 'user_id',
  key: 'key_id',
  model: 'model',
  tag: 'tag',
  decision: 'decision',
};

/** Sums of usage by interval, group and currency, in that order. */
export function readUsage(tx: Sql, query: UsageQuery): Promise<UsageSums[]> {
  const columns = query.groupBy.map((name) => COLUMNS[name]);
  const table = query.groupBy.includes('tag') ? 'usage_tag_rollups' : 'usage_rollups';
  const keys = ['bucket', ...columns, 'currency'];
  // Byte order, so that the order does not depend on the collation of the installation.
  const order = keys.map((key) => (key === 'bucket' ? key : `${key} COLLATE "C"`)).join(', ');
  const place =
    query.after === null
      ? ''
      : `WHERE (${order}) > (${keys.map((key, index) => (key === 'bucket' ? '$5::timestamptz' : `$${index + 5}`)).join(', ')})`;
  return tx.query<UsageSums>(
    `SELECT * FROM (
       SELECT date_trunc('${query.interval}', r.bucket, 'UTC') AS bucket, ARRAY[${columns.join(', ')}]::text[] AS "group", ${columns.map((column) => `${column}, `).join('')}
         currency, sum(calls)::bigint AS calls, trim_scale(sum(cost)) AS cost, sum(input_tokens)::bigint AS "inputTokens",
         sum(output_tokens)::bigint AS "outputTokens"
       FROM ${table} r WHERE r.org_id = $1 AND r.bucket >= $2 AND r.bucket < $3
       GROUP BY ${keys.map((key) => (key === 'bucket' ? '1' : key)).join(', ')}
     ) u ${place} ORDER BY ${order} LIMIT $4`,
    [query.orgId, query.from, query.to, query.limit, ...(query.after ?? [])],
  );
}
