import { decisionFacts } from '@governsai/cel';
import { AppError, type PolicyRules } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { compilePolicies, evaluatePolicies, type StoredPolicy } from './evaluate.ts';

const facts = decisionFacts(
  {
    direction: 'precheck',
    decision: 'allow',
    tool: 'web.fetch',
    scope: 'https://api.example.com/v1?q=1',
    correlationId: null,
    tags: ['production'],
    latencyMs: 45,
    timestamp: '2026-01-01T00:00:00.000Z',
  },
  { userId: 'u1' },
);

const policy = (id: string, rules: PolicyRules, userId: string | null = null): StoredPolicy => ({ id, userId, rules });

function outcome(...policies: StoredPolicy[]) {
  const errors: string[] = [];
  const result = evaluatePolicies(compilePolicies(3, policies), facts, (rule) => errors.push(rule));
  return { effect: result?.effect, matched: result?.matched, errors };
}

describe('evaluatePolicies', () => {
  it.each<[string, PolicyRules, string | undefined, string[] | undefined]>([
    ['says nothing without rules', {}, undefined, undefined],
    ['allows a listed tool', { tools: { allow: ['web.*'] } }, 'allow', ['p/tools.allow']],
    ['denies an unlisted tool', { tools: { allow: ['db.*'] } }, 'deny', ['p/tools.allow']],
    ['lets deny win over allow', { tools: { allow: ['web.*'], deny: ['*.fetch'] } }, 'deny', ['p/tools.deny']],
    ['compares the host of a URL', { scopes: { deny: ['*.example.com'] } }, 'deny', ['p/scopes.deny']],
    ['denies where a required tag is missing', { requiredTags: ['production', 'eu'] }, 'deny', ['p/requiredTags']],
    ['flags what took too long', { maxLatencyMs: 40 }, 'flag', ['p/maxLatencyMs']],
    [
      'takes the strictest of several',
      { maxLatencyMs: 40, conditions: [{ name: 'ask', when: 'direction == "precheck"', effect: 'confirm' }] },
      'confirm',
      ['p/maxLatencyMs', 'p/conditions.ask'],
    ],
  ])('%s', (_, rules, effect, matched) => {
    expect(outcome(policy('p', rules))).toEqual({ effect, matched, errors: [] });
  });

  it('asks the policies of the user only where those of the org are silent', () => {
    const user = policy('user', { tools: { deny: ['web.*'] } }, 'u1');
    expect(outcome(policy('org', { tools: { allow: ['web.*'] } }), user).effect).toBe('allow');
    expect(outcome(policy('org', { tools: { deny: ['db.*'] } }), user).effect).toBe('deny');
    expect(outcome(policy('other', { tools: { deny: ['web.*'] } }, 'u2')).effect).toBeUndefined();
  });

  it('goes on when a condition fails for this decision', () => {
    const rules: PolicyRules = {
      conditions: [
        { name: 'broken', when: 'tags[7] == "x"', effect: 'deny' },
        { name: 'fine', when: 'latencyMs < 50.0', effect: 'flag' },
      ],
    };
    expect(outcome(policy('p', rules))).toEqual({
      effect: 'flag',
      matched: ['p/conditions.fine'],
      errors: ['p/conditions.broken'],
    });
  });

  it('refuses an expression that cannot be compiled, with its path', () => {
    const bad = policy('p', { conditions: [{ name: 'bad', when: 'tool ==', effect: 'deny' }] });
    expect(() => compilePolicies(1, [bad])).toThrow(AppError);
    expect(() => compilePolicies(1, [bad])).toThrow(/rules\.conditions\.0\.when.*at character 8/);
  });
});
