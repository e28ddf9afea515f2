import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CHART_DIR, chartFiles } from './chart-files.ts';
import { documentedValues } from './values-comments.ts';

describe("the chart's generated files", () => {
  it.each([...chartFiles()])('%s is as `make chart` writes it', (path, content) => {
    expect(readFileSync(join(CHART_DIR, path), 'utf8')).toBe(content);
  });
});

describe('values.yaml', () => {
  it('is refused with a value that nothing explains', () => {
    expect(() => documentedValues('# -- What a is.\na: 1\nb:\n  c: 2\n')).toThrow(
      'must explain with a comment "# -- …": b.c',
    );
  });

  it('gives each explained value with its default, also below others', () => {
    expect(
      documentedValues('# About the file.\n\n# -- What a is.\na: {x: 1}\nb:\n  # -- What c is,\n  # still.\n  c: []\n'),
    ).toEqual([
      { path: 'a', description: 'What a is.', default: { x: 1 } },
      { path: 'b.c', description: 'What c is, still.', default: [] },
    ]);
  });
});
