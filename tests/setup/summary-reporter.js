import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where the counts of several jest runs are added up; `make test` deletes it first. */
const TALLY = process.env.TEST_TALLY;

/**
 * Ends each jest run with the plain line `N passed, N failed` (and `, N skipped` if any). With TEST_TALLY naming a file,
 * the counts of this run are added to those in it and the line says the sum, so that the last line of `make test`
 * counts all its runs. A test file that could not even be loaded counts as one failed test.
 */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    const sum = TALLY ? readTally(TALLY) : { passed: 0, failed: 0, skipped: 0 };
    sum.passed += results.numPassedTests;
    sum.failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
    sum.skipped += results.numPendingTests + results.numTodoTests;
    if (TALLY) {
      mkdirSync(dirname(TALLY), { recursive: true });
      writeFileSync(TALLY, JSON.stringify(sum));
    }
    process.stdout.write(`${summaryLine(sum)}\n`);
  }
}

function readTally(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return { passed: 0, failed: 0, skipped: 0 };
    throw error;
  }
}

function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
