import { parseArgs } from 'node:util';
import type { AdminCommand } from './admin/command.ts';
import { DLQ_COMMANDS } from './admin/dlq.ts';
import { ORG_COMMANDS } from './admin/orgs.ts';
import { PEOPLE_COMMANDS } from './admin/people.ts';
import { RECOVERY_COMMANDS } from './admin/recovery.ts';

// npm run admin -- COMMAND: what an operator does by hand. It reads the same environment as the services, and without
// one speaks to the local stack, so that the same command works on a laptop and in a cluster.

const COMMANDS: Record<string, AdminCommand> = {
  ...ORG_COMMANDS,
  ...PEOPLE_COMMANDS,
  ...DLQ_COMMANDS,
  ...RECOVERY_COMMANDS,
};

const [name = '', ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (!command) {
  const list = Object.entries(COMMANDS).map(([key, { summary }]) => `  ${key.padEnd(14)} ${summary}`);
  console.error(['usage: admin COMMAND [options]', '', ...list].join('\n'));
  process.exit(name === '' || name === 'help' ? 0 : 2);
}
try {
  const { values } = parseArgs({ args, options: command.options });
  await command.run(values as Record<string, string | undefined>);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
