import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { AppError, ERROR_CODES, ERRORS, validationError } from './errors.ts';

describe('the registry of errors', () => {
  it.each(ERROR_CODES)('%s has a status of an error and a title', (code) => {
    expect(ERRORS[code].status).toBeGreaterThanOrEqual(400);
    expect(ERRORS[code].title).toMatch(/^[A-Z].*[^.]$/);
    expect(new AppError(code, 'what to do next').status).toBe(ERRORS[code].status);
  });
});

describe('validationError', () => {
  const schema = z.object({ usage: z.object({ cost: z.string() }) });

  it('G10: names the field below its prefix', () => {
    const { error } = schema.safeParse({ usage: { cost: 5 } });
    expect(validationError(error as z.ZodError, 'data')).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'data.usage.cost',
    });
  });

  it('has no path when the whole is at fault', () => {
    const { error } = schema.safeParse(5);
    expect(validationError(error as z.ZodError)).toMatchObject({ code: 'VALIDATION_FAILED', path: undefined });
  });
});
