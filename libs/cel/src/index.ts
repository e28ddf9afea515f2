export { type Condition, compileCondition } from './condition.ts';
export { type DecisionFacts, decisionFacts } from './facts.ts';
export { globMatches } from './glob.ts';
