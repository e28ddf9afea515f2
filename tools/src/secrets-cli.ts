import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newCheckpointKey } from './secrets.ts';

// node tools/dist/secrets-cli.js FOLDER: makes the files `internal-token`, `jwt-secret` and `checkpoint-key` where they are
// missing, for containers that read them by INTERNAL_TOKEN_FILE, JWT_SECRET_FILE and CHECKPOINT_KEY_FILE.

const folder = process.argv[2];
if (!folder) {
  console.error('Say in which folder the secrets are to be: node tools/dist/secrets-cli.js FOLDER');
  process.exit(2);
}
const secret = () => randomBytes(32).toString('base64url');
const files = { 'internal-token': secret, 'jwt-secret': secret, 'checkpoint-key': newCheckpointKey };
for (const [name, make] of Object.entries(files)) {
  const file = join(folder, name);
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600, flag: 'wx' });
}
