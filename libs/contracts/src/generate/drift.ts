import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One generated file that is not as the contracts say. */
export interface Drift {
  path: string;
  kind: 'missing' | 'changed' | 'left over';
}

/** Compares a folder with the files that should be in it, by path and content. */
export function findDrift(folder: string, wanted: ReadonlyMap<string, string>): Drift[] {
  const present = existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    : [];
  const drifts: Drift[] = [];
  for (const [path, content] of wanted) {
    if (!present.includes(path)) drifts.push({ path, kind: 'missing' });
    else if (readFileSync(join(folder, path), 'utf8') !== content) drifts.push({ path, kind: 'changed' });
  }
  for (const path of present) if (!wanted.has(path)) drifts.push({ path, kind: 'left over' });
  return drifts;
}
