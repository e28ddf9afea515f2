import { describe, expect, it } from '@jest/globals';
// biome-ignore lint/correctness/useImportExtensions: it is JavaScript, its types lie beside it
import { javaProblem, mavenProblem, nodeProblem, npmProblem } from './prerequisites.mjs';

const java = (version: string) => `openjdk version "${version}" 2025-04-15\nOpenJDK Runtime Environment`;

describe('prerequisites', () => {
  it.each([
    ['Node.js', nodeProblem, ['v20.19.0', 'v24.1.0'], ['v18.20.4', 'v20.18.3']],
    ['npm', npmProblem, ['10.8.2', '11.19.1'], ['8.19.4']],
    ['Java', javaProblem, [java('17.0.15'), java('24')], [java('11.0.2'), java('1.8.0_402')]],
    ['Maven', mavenProblem, ['Apache Maven 3.8.7\nMaven home: /usr'], ['Apache Maven 3.5.4']],
  ])('%s: one sentence with the remedy when it is missing or too old', (name, problem, good, tooOld) => {
    for (const version of good) expect(problem(version)).toBeNull();
    for (const version of tooOld) expect(problem(version)).toMatch(new RegExp(`^${name} .* is too old: .+\\.$`));
    expect(problem(null)).toMatch(new RegExp(`^${name} is missing: .+\\.$`));
  });
});
