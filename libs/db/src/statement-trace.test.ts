import { expect, it } from '@jest/globals';
import { summarize } from './statement-trace.ts';

it.each([
  ['INSERT INTO decisions (org_id) SELECT o FROM unnest($1::text[]) AS o', 'INSERT decisions'],
  ['UPDATE org_chains c SET last_seq = h.last_seq FROM unnest($1::text[]) AS h(org_id)', 'UPDATE org_chains'],
  ['DELETE FROM outbox WHERE id = ANY($1::bigint[])', 'DELETE outbox'],
  ['SELECT org_id FROM org_chains WHERE org_id = ANY($1::text[])\n ORDER BY org_id FOR UPDATE', 'SELECT org_chains'],
  [
    'WITH asked AS (SELECT * FROM unnest($1::text[]) AS a(org_id))\n SELECT d.id FROM asked a JOIN decisions d ON d.id = a.id',
    'SELECT decisions',
  ],
  ['SELECT org_id FROM orgs_to_publish($1)', 'SELECT'],
  ['COMMIT', 'COMMIT'],
])('says of %j that it is %j', (text, summary) => {
  expect(summarize(text)).toBe(summary);
});
