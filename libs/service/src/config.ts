import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** One variable that keeps the service from starting. */
export interface ConfigProblem {
  variable: string;
  /** What is wrong with it and what it should be. Never holds the value of a secret. */
  message: string;
}

/** The environment is wrong; the message names every variable at fault, so that one restart can mend them all. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, message }) => `  ${variable}: ${message}`);
    super(`The environment is not valid. Correct these variables and start again:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Marks a variable whose value may appear in no message. */
export function secret<T extends z.ZodType>(schema: T): T {
  return schema.meta({ ...schema.meta(), secret: true }) as T;
}

// Whoever forgets `secret` is not to leak a password for it.
const SECRET_NAME = /SECRET|TOKEN|PASSWORD|KEY|DATABASE|_URL$/;

function isSecret(name: string, schema: z.ZodType): boolean {
  return schema.meta()?.secret === true || SECRET_NAME.test(name);
}

/**
 * Reads a service's configuration from its environment. An empty variable counts as not set. `NAME_FILE` names a file
 * that holds the value of `NAME` (a mounted secret); line ends after the value are dropped.
 *
 * @throws ConfigError that names every variable that is missing or wrong.
 */
export function loadConfig<T extends z.ZodObject>(schema: T, env: NodeJS.ProcessEnv = process.env): z.output<T> {
  const fields = schema.shape as Record<string, z.ZodType>;
  const values: Record<string, string> = {};
  const problems: ConfigProblem[] = [];
  for (const name of Object.keys(fields)) {
    try {
      const value = readVariable(name, env);
      if (value !== undefined) values[name] = value;
    } catch (error) {
      problems.push({ variable: name, message: (error as Error).message });
    }
  }
  const unread = new Set(problems.map((problem) => problem.variable));
  const parsed = schema.safeParse(values);
  if (parsed.success && problems.length === 0) return parsed.data;
  for (const issue of parsed.error?.issues ?? []) {
    const variable = String(issue.path[0] ?? 'environment');
    if (!unread.has(variable))
      problems.push({ variable, message: explain(issue.message, variable, fields[variable], values[variable]) });
  }
  throw new ConfigError(problems);
}

function readVariable(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const direct = env[name] || undefined;
  const file = env[`${name}_FILE`] || undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) throw new Error(`is set, and ${name}_FILE too; set only one of them`);
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '') || undefined;
  } catch (error) {
    throw new Error(
      `${name}_FILE names ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code}); mount it or correct the path`,
    );
  }
}

function explain(fault: string, name: string, schema: z.ZodType | undefined, value: string | undefined): string {
  const purpose = schema?.description ? ` It is: ${schema.description}` : '';
  if (value === undefined) return `is not set.${purpose}`;
  const given =
    schema && isSecret(name, schema) ? 'the given value is kept out of this message' : `given ${JSON.stringify(value)}`;
  return `${fault} (${given}).${purpose}`;
}
