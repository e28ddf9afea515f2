import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Replaces a file at once: a reader sees the old text or the new one. */
export function writeWhole(file: string, text: string, mode: number): void {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, text, { mode });
  renameSync(next, file);
}

/** The value in a JSON file; null when there is no such file. Throws when it holds something else. */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
