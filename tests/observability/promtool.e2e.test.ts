import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { dashboards, ruleFiles } from './shipped.ts';

// Apart from rules.test.ts, which is quick: this takes a processor half a minute.

const TESTS = join(import.meta.dirname, 'rules');
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
// Jest says "skipped", not why.
if (!hasPromtool)
  process.stderr.write('skipped: promtool is not on the PATH; Debian has it in the package prometheus\n');

(hasPromtool ? describe : describe.skip)('promtool', () => {
  it('takes the rules', () => {
    execFileSync('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', ...ruleFiles]);
  });

  it.each(readdirSync(TESTS))(
    '%s: each alert fires when it should, and only then',
    (name) => {
      const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(TESTS, name)], {
        encoding: 'utf8',
      });
      expect({ status, said: status === 0 ? '' : `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
    },
    180_000,
  );

  it('takes every query of the dashboards', () => {
    const queries = dashboards
      .flatMap((dashboard) => dashboard.queries)
      .filter((query) => !/^label_values/.test(query));
    expect(queries.length).toBeGreaterThan(70);
    const group = {
      name: 'dashboards',
      rules: queries.map((query, i) => ({
        record: `query:${i}`,
        expr: query.replaceAll('$__rate_interval', '5m').replaceAll(/\$(?:topic|org)\b/g, 'any'),
      })),
    };
    const dir = mkdtempSync(join(tmpdir(), 'queries-'));
    try {
      writeFileSync(join(dir, 'queries.yaml'), stringify({ groups: [group] }));
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', join(dir, 'queries.yaml')], {
        encoding: 'utf8',
      });
      expect({ status, said: status === 0 ? '' : `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
