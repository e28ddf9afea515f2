import { hash, verify } from '@node-rs/argon2';

// Apart from the rest of this library: only auth and the admin command hash passwords, and nobody else loads the native code.

/** `Algorithm.Argon2id`: a const enum, whose name cannot be imported here. */
const ARGON2ID = 2;
// OWASP's choice for argon2id. A stored hash names its own, so that these may grow.
const OPTIONS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** What is stored of a password: argon2id with a salt of its own. Takes some 50 ms of a core and 19 MiB. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, OPTIONS);
}

/** Whether a password is the one of a stored hash; takes as long as hashing. Throws for what is no hash. */
export function passwordFits(stored: string, password: string): Promise<boolean> {
  return verify(stored, password);
}
