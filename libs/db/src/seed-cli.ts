import { requiredVariable, runCommand } from './command-line.ts';
import { DEMO_ORGS } from './demo.ts';
import { seed } from './seed.ts';

// node libs/db/dist/seed-cli.js: adds the demo data.
await runCommand(async () => {
  await seed({ adminUrl: requiredVariable('DATABASE_ADMIN_URL', 'postgres://… of the role that owns the database') });
  return DEMO_ORGS.map((org) => `${org.id}: ${org.admin.key}`).join('\n');
});
