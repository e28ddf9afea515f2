import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ROOT } from '../../tools/src/paths.ts';

interface Collector {
  receivers: object;
  exporters: object;
  extensions: object;
  processors: Record<string, object> & { tail_sampling: { policies: { name: string; type: string }[] } };
  service: {
    extensions: string[];
    pipelines: Record<string, { receivers: string[]; processors: string[]; exporters: string[] }>;
  };
}

const config = parse(
  readFileSync(join(ROOT, 'helm/governsai/files/collector/tail-sampling.yaml'), 'utf8'),
) as Collector;

it('the collector always keeps traces with an error, and uses only what it defines', () => {
  expect(config.processors.tail_sampling.policies).toContainEqual({
    name: 'errors',
    type: 'status_code',
    status_code: { status_codes: ['ERROR'] },
  });
  for (const pipeline of Object.values(config.service.pipelines)) {
    expect(Object.keys(config.receivers)).toEqual(expect.arrayContaining(pipeline.receivers));
    expect(Object.keys(config.processors)).toEqual(expect.arrayContaining(pipeline.processors));
    expect(Object.keys(config.exporters)).toEqual(expect.arrayContaining(pipeline.exporters));
    // What limits memory must come first, what batches last: a batch mixes traces.
    expect(pipeline.processors[0]).toBe('memory_limiter');
    expect(pipeline.processors.at(-1)).toBe('batch');
  }
  expect(Object.keys(config.extensions)).toEqual(expect.arrayContaining(config.service.extensions));
});
