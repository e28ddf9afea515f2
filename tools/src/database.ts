import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DEV_DIR, ROOT } from './paths.ts';
import { stackSecrets } from './secrets.ts';
import { appUrl } from './servers.ts';
import { readStackFile } from './stack-file.ts';

// make migrate, make seed: runs the command of libs/db against the database that DATABASE_ADMIN_URL and DATABASE_URL name, or else
// against that of the local stack.

const [command = ''] = process.argv.slice(2);
if (!['migrate', 'seed'].includes(command)) {
  console.error('Say what to do: database.js migrate or database.js seed.');
  process.exit(2);
}
const env = process.env.DATABASE_ADMIN_URL ? process.env : { ...process.env, ...localDatabase() };
const { status } = spawnSync(process.execPath, [join(ROOT, `libs/db/dist/${command}-cli.js`)], {
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
