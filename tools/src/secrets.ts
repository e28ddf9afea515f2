import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { readJson, writeWhole } from './whole-file.ts';

/** What the processes of one stack prove themselves with. Made once; the passwords belong to the stored data. */
export interface Secrets {
  internalToken: string;
  jwtSecret: string;
  /** Signs checkpoints of the chains: an Ed25519 private key in PEM. */
  checkpointKey: string;
  /** Of PostgreSQL's superuser. */
  postgresPassword: string;
  /** Of the role the services use. */
  appPassword: string;
}

/** The secrets in a file (mode 0600), made at the first call. */
export function stackSecrets(file: string): Secrets {
  const stored = readJson(file) as Partial<Secrets> | null;
  // One that an earlier release did not know is added; the others stay, because stored data depend on them.
  if (stored?.checkpointKey !== undefined) return stored as Secrets;
  const made = { ...newSecrets(), ...stored };
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, `${JSON.stringify(made, null, 2)}\n`, 0o600);
  return made;
}

function newSecrets(): Secrets {
  const secret = () => randomBytes(32).toString('base64url');
  return {
    internalToken: secret(),
    jwtSecret: secret(),
    checkpointKey: newCheckpointKey(),
    postgresPassword: secret(),
    appPassword: secret(),
  };
}

/** A new Ed25519 private key in PEM. */
export function newCheckpointKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}
