import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DEV_DIR } from './paths.ts';

/** A program that the local stack uses where there is one: in `.dev/bin`, or on the PATH; null without one. */
export function findProgram(name: string): string | null {
  const folders = [join(DEV_DIR, 'bin'), ...(process.env.PATH ?? '').split(delimiter).filter((path) => path !== '')];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
