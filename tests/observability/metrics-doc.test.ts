import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { metricsDoc } from '../../tools/src/metrics-doc.ts';
import { exposedMetrics } from './exposed-metrics.ts';

it('docs/metrics.md says what the services expose; npm run metrics writes it', async () => {
  const written = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  expect(written).toBe(metricsDoc(await exposedMetrics()));
}, 60_000);

it('every metric has the prefix of the house, the unit in its name and a help that says what it counts', async () => {
  const all = Object.values(await exposedMetrics()).flat();
  const ours = all.filter(({ name }) => !/^(nodejs|process)_/.test(name));
  expect(ours.length).toBeGreaterThan(40);
  for (const { name, type, help } of ours) {
    expect(name).toMatch(/^governsai_[a-z_]+$/);
    expect(help).toMatch(/\S.*\.$/);
    if (type === 'counter') expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
    if (/duration|delay|latency/.test(name)) expect(name).toMatch(/_seconds$/);
  }
}, 60_000);
