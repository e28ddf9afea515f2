import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DEV_DIR, ROOT } from './paths.ts';
import { stackSecrets } from './secrets.ts';
import { appUrl } from './servers.ts';
import { readStackFile } from './stack-file.ts';

// make migrate, make seed, make budgets-check: runs the command against the database that DATABASE_ADMIN_URL and DATABASE_URL
// name, or else against that of the local stack.

const COMMANDS: Record<string, string> = {
  migrate: 'libs/db/dist/migrate-cli.js',
  seed: 'libs/db/dist/seed-cli.js',
  'budgets-check': 'services/budget-tracker/dist/budgets-check.js',
};

const [command = ''] = process.argv.slice(2);
const script = COMMANDS[command];
if (script === undefined) {
  console.error(`Say what to do: database.js with one of ${Object.keys(COMMANDS).join(', ')}.`);
  process.exit(2);
}
const env =
  process.env.DATABASE_ADMIN_URL || process.env.DATABASE_URL ? process.env : { ...process.env, ...localDatabase() };
const { status } = spawnSync(process.execPath, [join(ROOT, script)], {
  env,
  stdio: 'inherit',
});
process.exit(status ?? 1);

function localDatabase(): Record<string, string> {
  const stack = readStackFile();
  if (!stack) {
    console.error('There is no database: run `make dev` first, or set DATABASE_ADMIN_URL and DATABASE_URL to one.');
    process.exit(1);
  }
  const { appPassword } = stackSecrets(join(DEV_DIR, 'secrets.json'));
  return { DATABASE_ADMIN_URL: stack.databaseUrl, DATABASE_URL: appUrl(stack.databaseUrl, appPassword) };
}
