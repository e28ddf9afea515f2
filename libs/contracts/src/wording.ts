import { z } from 'zod';

// What zod says of its own is for programmers ("Invalid input: expected string, received undefined"). A message set by a
// schema goes before these.

const A: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

z.config({ customError: wording });

function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `is missing: give ${kind(issue.expected)}`
        : `must be ${kind(issue.expected)}, not ${received(issue.input)}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_union':
      return issue.input === undefined ? 'is missing' : undefined;
    case 'unrecognized_keys':
      return 'is not known here, or cannot be set: leave it out';
    case 'too_small':
      return sized(issue.origin, issue.minimum, issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return sized(issue.origin, issue.maximum, issue.inclusive === false ? 'less than' : 'at most');
    default:
      return undefined;
  }
}

function kind(expected: string): string {
  return A[expected] ?? expected;
}

function received(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number') return Number.isInteger(input) ? 'a number' : String(input);
  return kind(typeof input);
}

function sized(origin: string, bound: number | bigint, how: string): string | undefined {
  if (origin === 'string') return `must have ${how} ${bound} character${bound === 1 ? '' : 's'}`;
  if (origin === 'array') return `must have ${how} ${bound} item${bound === 1 ? '' : 's'}`;
  return origin === 'number' || origin === 'int' ? `must be ${how} ${bound}` : undefined;
}
