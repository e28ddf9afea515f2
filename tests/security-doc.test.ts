import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '..');
const text = readFileSync(join(root, 'SECURITY.md'), 'utf8');

/** The rows of the table of threats, each as its cells. */
const rows = text
  .slice(text.indexOf('\n## Threats\n'), text.indexOf('\n## What is not stopped\n'))
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| asset |'))
  .map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );

describe('the threat model in SECURITY.md', () => {
  it('says of each threat what it is to, what stops it and which test proves it', () => {
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter((cells) => cells.length !== 4 || cells.includes(''))).toEqual([]);
    expect(rows.filter(([, , , proofs = '']) => !/^\[[^\]]+\]\([^)]+\)/.test(proofs))).toEqual([]);
  });

  it('names tests that exist, by words of their names', () => {
    const proofs = rows.flatMap(([, threat, , cell = '']) =>
      [...cell.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = '', path = '']) => ({ threat, name, path })),
    );
    expect(proofs.length).toBeGreaterThanOrEqual(rows.length);
    const missing = proofs.filter(({ name, path }) => {
      const file = join(root, path);
      return !/\.test\.ts$/.test(path) || !existsSync(file) || !titlesOf(readFileSync(file, 'utf8')).includes(name);
    });
    expect(missing).toEqual([]);
  });
});

/** Everything that a test file says between quotes: names of tests, and of the rows of its tables. */
function titlesOf(source: string): string {
  const plain = source.replaceAll("\\'", "'");
  return [...plain.matchAll(/(?:\b(?:it|describe)(?:\.each[^'"`]*)?\(|\[|row\()\s*(['"`])((?:(?!\1\s*,).)+)\1\s*,/gs)]
    .map(([, , title]) => title)
    .join('\n');
}
