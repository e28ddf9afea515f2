import { resolve } from 'node:path';

/** The top of the checkout. Right from `tools/src` (tests) and `tools/dist` (everything else) alike. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Where the local stack keeps its data, logs and secrets. Ignored by git. */
export const DEV_DIR = resolve(ROOT, '.dev');

/** A compiled file of the tools, to be run by `node`. */
export function toolScript(name: string): string {
  return resolve(ROOT, 'tools/dist', name);
}
