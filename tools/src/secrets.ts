import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { readJson, writeWhole } from './whole-file.ts';

/** What the processes of one stack prove themselves with. Made once; the passwords belong to the stored data. */
export interface Secrets {
  internalToken: string;
  jwtSecret: string;
  /** Of PostgreSQL's superuser. */
  postgresPassword: string;
  /** Of the role the services use. */
  appPassword: string;
}

/** The secrets in a file (mode 0600), made at the first call. */
export function stackSecrets(file: string): Secrets {
  const stored = readJson(file);
  if (stored !== null) return stored as Secrets;
  const secret = () => randomBytes(32).toString('base64url');
  const made = { internalToken: secret(), jwtSecret: secret(), postgresPassword: secret(), appPassword: secret() };
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, `${JSON.stringify(made, null, 2)}\n`, 0o600);
  return made;
}
