import { readFileSync } from 'node:fs';
import { givenApiKey, type NewSecret, orgOfSecret, secretHash } from '@governsai/access';

// Secrets that were made before there was an installation, and come in files: a mounted Secret of Kubernetes.

/** The API key in a file. Throws an Error that says how to make one when the file holds none. */
export function keyIn(path: string) {
  const key = givenApiKey(read(path, '--key-file'));
  if (key) return key;
  throw new Error('--key-file: the file holds no API key of ours; make one with key-new');
}

/** The invitation to this org in a file. Throws an Error that says how to make one when the file holds none. */
export function invitationIn(path: string, org: string): NewSecret {
  const secret = read(path, '--invitation-file');
  if (orgOfSecret('gav_', secret) === org) return { secret, hash: secretHash(secret) };
  throw new Error(
    `--invitation-file: the file holds no invitation to ${org}; make one with invitation-new --org ${org}`,
  );
}

function read(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(`${option}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
