import type { ParseArgsConfig } from 'node:util';

/** One command of the admin tool. */
export interface AdminCommand {
  summary: string;
  options: NonNullable<ParseArgsConfig['options']>;
  /** Writes its answer to stdout. Throws an Error that says what to do. */
  run(options: Readonly<Record<string, string | undefined>>): Promise<void>;
}
