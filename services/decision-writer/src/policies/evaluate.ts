import { type Condition, compileCondition, type DecisionFacts, globMatches } from '@governsai/cel';
import { POLICY_EFFECTS, type PolicyEffect, type PolicyOutcome, type PolicyRules } from '@governsai/contracts';

/** A policy as it is stored. */
export interface StoredPolicy {
  id: string;
  /** Null: it applies to everybody of the org. */
  userId: string | null;
  rules: PolicyRules;
}

interface CompiledPolicy {
  id: string;
  userId: string | null;
  rules: PolicyRules;
  conditions: { name: string; effect: PolicyEffect; condition: Condition }[];
}

/** An org's policies, compiled once for each version. */
export interface PolicySet {
  version: number;
  policies: readonly CompiledPolicy[];
}

interface Match {
  rule: string;
  effect: PolicyEffect;
}

/** Compiles a version of an org's policies. Throws VALIDATION_FAILED for an expression that cannot be compiled. */
export function compilePolicies(version: number, policies: readonly StoredPolicy[]): PolicySet {
  return { version, policies: policies.map(compilePolicy) };
}

/** Compiles one policy: also the check before it is saved. Throws VALIDATION_FAILED with the path and the position. */
export function compilePolicy({ id, userId, rules }: StoredPolicy): CompiledPolicy {
  const conditions = (rules.conditions ?? []).map(({ name, effect, when }, i) => ({
    name,
    effect,
    condition: compileCondition(when, `rules.conditions.${i}.when`),
  }));
  return { id, userId, rules, conditions };
}

/**
 * What the policies say of a decision; null when none says anything. The org's own policies come first: only where they
 * are silent do those of the decision's user speak. Of several matches the strictest effect stands. A condition that
 * fails for these facts matches nothing and is told to `onError`.
 */
export function evaluatePolicies(
  set: PolicySet,
  facts: DecisionFacts,
  onError: (rule: string, error: unknown) => void,
): PolicyOutcome | null {
  const ofOrg = set.policies.filter((policy) => policy.userId === null);
  const ofUser = set.policies.filter((policy) => policy.userId !== null && policy.userId === facts.userId);
  for (const level of [ofOrg, ofUser]) {
    const matches = level.flatMap((policy) => [...matchesOf(policy, facts, onError)]);
    if (matches.length === 0) continue;
    const strictest = Math.max(...matches.map((match) => POLICY_EFFECTS.indexOf(match.effect)));
    const effect = POLICY_EFFECTS[strictest] as PolicyEffect;
    return { version: set.version, matched: matches.map((match) => match.rule), effect };
  }
  return null;
}

function* matchesOf(
  { id, rules, conditions }: CompiledPolicy,
  facts: DecisionFacts,
  onError: (rule: string, error: unknown) => void,
): Generator<Match> {
  const listed = (
    name: string,
    lists: { allow?: string[]; deny?: string[] } | undefined,
    value: string,
  ): Match | null => {
    if (!lists || value === '') return null;
    if (lists.deny?.some((glob) => globMatches(glob, value))) return { rule: `${id}/${name}.deny`, effect: 'deny' };
    if (!lists.allow) return null;
    const allowed = lists.allow.some((glob) => globMatches(glob, value));
    return { rule: `${id}/${name}.allow`, effect: allowed ? 'allow' : 'deny' };
  };
  const tool = listed('tools', rules.tools, facts.tool);
  if (tool) yield tool;
  const scope = listed('scopes', rules.scopes, hostOf(facts.scope));
  if (scope) yield scope;
  if (rules.requiredTags?.some((tag) => !facts.tags.includes(tag)))
    yield { rule: `${id}/requiredTags`, effect: 'deny' };
  if (rules.maxLatencyMs !== undefined && facts.latencyMs > rules.maxLatencyMs) {
    yield { rule: `${id}/maxLatencyMs`, effect: 'flag' };
  }
  for (const { name, effect, condition } of conditions) {
    const rule = `${id}/conditions.${name}`;
    try {
      if (condition.matches(facts)) yield { rule, effect };
    } catch (error) {
      onError(rule, error);
    }
  }
}

function hostOf(scope: string): string {
  return scope.includes('://') && URL.canParse(scope) ? new URL(scope).hostname : scope;
}
