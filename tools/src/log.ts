import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A log file is moved aside (one generation is kept) when it has grown to this. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** The files `<dir>/<name>.log`, one for each process of a stack, each bounded. */
export class LogFiles {
  readonly dir: string;
  readonly #files = new Map<string, { fd: number; bytes: number }>();
  #closed = false;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  path(name: string): string {
    return join(this.dir, `${name}.log`);
  }

  write(name: string, line: string): void {
    // The last lines of a process may arrive after its end.
    if (this.#closed) return;
    const file = this.#open(name);
    file.bytes += writeSync(file.fd, `${line}\n`);
  }

  close(): void {
    this.#closed = true;
    for (const { fd } of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }

  #open(name: string): { fd: number; bytes: number } {
    const open = this.#files.get(name);
    if (open && open.bytes < MAX_FILE_BYTES) return open;
    const path = this.path(name);
    if (open) closeSync(open.fd);
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= MAX_FILE_BYTES) renameSync(path, `${path}.1`);
    const fd = openSync(path, 'a');
    const file = { fd, bytes: statSync(path).size };
    this.#files.set(name, file);
    return file;
  }
}
