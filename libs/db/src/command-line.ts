import { readFileSync } from 'node:fs';

/** A variable of the environment, or the content of the file that `<name>_FILE` names. Throws what to set when neither is there. */
export function requiredVariable(name: string, meaning: string): string {
  const file = process.env[`${name}_FILE`];
  const value = process.env[name] || (file && readFileSync(file, 'utf8').trim());
  if (value) return value;
  throw new Error(`${name} is not set: set it, or ${name}_FILE to a file that holds it, to ${meaning}`);
}

/** Runs a command: what it returns goes to standard output; an error, with its causes, to standard error and exit code 1. */
export async function runCommand(command: () => Promise<string>): Promise<void> {
  try {
    process.stdout.write(`${await command()}\n`);
  } catch (error) {
    for (let current = error; current instanceof Error; current = current.cause) {
      // pg leaves the message of a failed connection to several addresses empty.
      process.stderr.write(`${current.message || ((current as NodeJS.ErrnoException).code ?? current.name)}\n`);
    }
    process.exitCode = 1;
  }
}
