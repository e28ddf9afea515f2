import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { documents } from './documents.ts';
import { findDrift } from './drift.ts';

// `npm run contracts` writes docs/api from the schemas; with `--check` it only says what differs and fails.

const folder = resolve(import.meta.dirname, '../../../../docs/api');
const wanted = documents();
const drifts = findDrift(folder, wanted);

if (process.argv.includes('--check')) {
  for (const { path, kind } of drifts) console.error(`docs/api/${path}: ${kind}`);
  if (drifts.length > 0) {
    console.error('docs/api is not what libs/contracts says: run `npm run contracts` and commit what it writes.');
    process.exitCode = 1;
  }
} else {
  for (const { path, kind } of drifts) {
    const file = join(folder, path);
    if (kind === 'left over') {
      rmSync(file);
    } else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, wanted.get(path) as string);
    }
  }
  console.log(`docs/api: ${wanted.size} files, ${drifts.length} of them changed.`);
}
