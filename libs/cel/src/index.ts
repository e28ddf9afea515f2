export { type Condition, compileCondition, compileFilter } from './condition.ts';
export { type DecisionFacts, decisionFacts } from './facts.ts';
export { globMatches } from './glob.ts';
