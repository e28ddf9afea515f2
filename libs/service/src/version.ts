import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The release this process runs: all packages of the repository carry one version. */
export const VERSION = manifest.version;
