import { AppError } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileCondition, compileFilter } from './condition.ts';
import { decisionFacts } from './facts.ts';
import { globMatches } from './glob.ts';

const facts = decisionFacts(
  {
    direction: 'precheck',
    decision: 'allow',
    tool: 'web.fetch',
    scope: null,
    correlationId: 'req-1',
    tags: ['production', 'eu'],
    latencyMs: 120,
    timestamp: '2026-03-01T10:00:00.000Z',
  },
  { userId: 'u1', usage: { cost: '0.25', model: 'm', inputTokens: 10 } },
);

const matches = (expression: string) => compileCondition(expression, 'filter').matches(facts);

function refusal(expression: string): AppError {
  try {
    compileCondition(expression, 'filter');
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error(`was not refused: ${expression}`);
}

describe('compileCondition', () => {
  it.each([
    ['tool == "web.fetch"', true],
    ['tool.startsWith("web.") && decision != "deny"', true],
    ['tool.glob("web.*")', true],
    ['tool.glob("*.read")', false],
    ['"eu" in tags', true],
    ['tags.exists(t, t == "staging")', false],
    ['latencyMs > 100', true],
    ['usage.cost >= 0.25 && usage.inputTokens < 11', true],
    ['scope == ""', true],
    ['userId == "u1" && keyId == ""', true],
    ['timestamp.getHours() == 10', true],
  ])('%s → %s', (expression, expected) => {
    expect(matches(expression)).toBe(expected);
  });

  it.each([
    ['tool ==', /at character 8/],
    ['foo == 1', /Unknown variable: foo \(at character 1\)/],
    ['tool + 1 == "a"', /at character/],
    ['usage.price > 1.0', /No such key: price/],
    ['tool', /must yield a bool/],
  ])('refuses %s and says where', (expression, message) => {
    const error = refusal(expression);
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', path: 'filter' });
    expect(error.message).toMatch(message);
  });

  it.each([
    ['tool.matches("(a+)+$")', /matches\(\) is not available/],
    ['tags.all(a, tags.all(b, tags.all(c, a == c)))', /nest/],
    [`tool == "${'a'.repeat(2100)}"`, /characters/],
    [Array(200).fill('tool == "a"').join(' || '), /./],
  ])('bounds its cost: refuses %.40s', (expression, message) => {
    expect(refusal(expression).message).toMatch(message);
  });

  it('throws when it fails for these facts, and answers the next ones', () => {
    const condition = compileCondition('tags[5] == "x"', 'filter');
    expect(() => condition.matches(facts)).toThrow();
    expect(condition.matches({ ...facts, tags: ['', '', '', '', '', 'x'] })).toBe(true);
  });
});

describe('compileFilter', () => {
  it.each([
    ['tags.exists(a, tags.exists(b, a == b))', /nest 1 deep/],
    ['scope.split("").exists(c, c == "x")', /split is not available here/],
    ['tool == "x" || userId.startsWith("u")', /userId is not available here.*at character 16/],
  ])('bounds its cost more tightly and sees nothing of persons: refuses %s', (expression, message) => {
    expect(() => compileFilter(expression, 'filter')).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED', path: 'filter', message: expect.stringMatching(message) }),
    );
    expect(() => compileCondition(expression, 'when')).not.toThrow();
  });

  it('gives up on globs that look through too much', () => {
    const filter = compileFilter(`scope.glob("*${'a'.repeat(1000)}b")`, 'filter');
    expect(() => filter.matches({ ...facts, scope: 'a'.repeat(8192) })).toThrow(/too much/);
    expect(filter.matches(facts)).toBe(false);
  });
});

describe('globMatches', () => {
  it('says what the same pattern says as a regular expression', () => {
    const alphabet = fc.constantFrom('a', 'b', '.', '*', '?');
    fc.assert(
      fc.property(
        fc.string({ unit: alphabet, maxLength: 8 }),
        fc.string({ unit: alphabet, maxLength: 12 }),
        (pattern, text) => {
          const source = pattern.replace(/\./g, '\\.').replace(/\?/g, '[^]').replace(/\*/g, '[^]*');
          expect(globMatches(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
        },
      ),
    );
  });
});
