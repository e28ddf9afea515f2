import { AppError, MAX_EXPRESSION } from '@governsai/contracts';
import { TypeError as CelTypeError, Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import { type Allowance, findCostly } from './cost.ts';
import type { DecisionFacts } from './facts.ts';
import { type GlobBudget, globMatches } from './glob.ts';

/** A CEL expression over a decision, checked and compiled. */
export interface Condition {
  readonly source: string;
  /** Bounded in time. Throws an Error when it fails for these facts (an index out of range, a division by zero). */
  matches(facts: DecisionFacts): boolean;
}

/** Characters that the globs of one evaluation may look at: a few milliseconds. */
const MAX_GLOB_STEPS = 500_000;

/** What policies and budgets may use: everything. */
const CONDITION: Allowance = { nesting: 2, withheld: {} };

/**
 * What the filter of a subscription may use. It is evaluated where the pushes of every org go through, and again, exactly, for
 * whoever resumes: so its cost is bounded more tightly, and it sees nothing that can be erased.
 */
const FILTER: Allowance = {
  nesting: 1,
  withheld: {
    userId: 'what is kept of a person may be erased, and a resume would leave out what was pushed: use keyId or tags',
    split: 'use glob("web.*"), startsWith(), endsWith() or contains()',
  },
};

// Evaluations are synchronous, one at a time.
const budget: GlobBudget = { steps: 0 };

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  limits: { maxAstNodes: 256, maxDepth: 32, maxListElements: 128, maxMapEntries: 16, maxCallArguments: 8 },
})
  .registerVariable('direction', 'string')
  .registerVariable('decision', 'string')
  .registerVariable('tool', 'string')
  .registerVariable('scope', 'string')
  .registerVariable('correlationId', 'string')
  .registerVariable('tags', 'list<string>')
  .registerVariable('latencyMs', 'double')
  .registerVariable('timestamp', 'google.protobuf.Timestamp')
  .registerVariable('userId', 'string')
  .registerVariable('keyId', 'string')
  .registerVariable({
    name: 'usage',
    schema: {
      cost: 'double',
      currency: 'string',
      model: 'string',
      provider: 'string',
      inputTokens: 'double',
      outputTokens: 'double',
    },
  })
  .registerFunction('string.glob(string): bool', (text: string, pattern: string) => globMatches(pattern, text, budget));

/**
 * Compiles a CEL expression (https://cel.dev) over a decision's facts; it must yield a bool. Throws VALIDATION_FAILED at
 * `path` with the position, when it does not parse, names something unknown, mixes types or could cost too much.
 */
export function compileCondition(expression: string, path: string): Condition {
  return compile(expression, path, CONDITION);
}

/** Compiles the filter of a subscription: as {@link compileCondition}, without `userId`, `split()` and nested comprehensions. */
export function compileFilter(expression: string, path: string): Condition {
  return compile(expression, path, FILTER);
}

function compile(expression: string, path: string, allowance: Allowance): Condition {
  const refuse = (message: string, position: number | undefined, cause?: unknown): AppError =>
    new AppError(
      'VALIDATION_FAILED',
      `${path}: ${message}${position === undefined ? '' : ` (at character ${position + 1})`}`,
      {
        path,
        cause,
      },
    );
  if (expression.length > MAX_EXPRESSION) throw refuse(`may have ${MAX_EXPRESSION} characters; shorten it`, undefined);
  try {
    const evaluate = environment.parse(expression);
    const costly = findCostly(evaluate.ast, allowance);
    if (costly) throw refuse(costly.message, costly.position);
    const checked = evaluate.check();
    if (!checked.valid) throw checked.error;
    if (checked.type !== 'bool') throw refuse(`must yield a bool, and yields ${checked.type}`, undefined);
    return {
      source: expression,
      matches(facts) {
        budget.steps = MAX_GLOB_STEPS;
        return evaluate(facts) === true;
      },
    };
  } catch (error) {
    if (error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError) {
      throw refuse(error.summary, error.range?.start, error);
    }
    throw error;
  }
}
