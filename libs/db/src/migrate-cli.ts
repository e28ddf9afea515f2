import { requiredVariable, runCommand } from './command-line.ts';
import { migrate } from './migrate.ts';

// node libs/db/dist/migrate-cli.js: brings the database up to date.
await runCommand(async () => {
  const applied = await migrate({
    adminUrl: requiredVariable('DATABASE_ADMIN_URL', 'postgres://… of the role that owns the database'),
    appUrl: requiredVariable('DATABASE_URL', 'postgres://… of the services, whose role is created'),
  });
  return applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`;
});
