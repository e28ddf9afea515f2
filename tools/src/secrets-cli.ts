import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// node tools/dist/secrets-cli.js FOLDER: makes the files `internal-token` and `jwt-secret` where they are missing, for containers
// that read them by INTERNAL_TOKEN_FILE and JWT_SECRET_FILE.

const folder = process.argv[2];
if (!folder) {
  console.error('Say in which folder the secrets are to be: node tools/dist/secrets-cli.js FOLDER');
  process.exit(2);
}
for (const name of ['internal-token', 'jwt-secret']) {
  const file = join(folder, name);
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
}
