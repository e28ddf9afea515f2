export { type Condition, compileCondition, MAX_EXPRESSION } from './condition.ts';
export { type DecisionFacts, decisionFacts } from './facts.ts';
export { globMatches } from './glob.ts';
