// What the local stack needs on a machine, each with the sentence that names its absence and the remedy. Plain
// JavaScript without dependencies: it runs before anything is installed or compiled, on whatever Node.js there is.

import { spawnSync } from 'node:child_process';

/** @param {string | null} version of Node.js, like `v20.19.0` @returns {string | null} */
export function nodeProblem(version) {
  const remedy = 'install Node.js 20.19 or later, for instance from https://nodejs.org or with `nvm install`.';
  if (version === null) return `Node.js is missing: ${remedy}`;
  return atLeast(version, [20, 19]) ? null : `Node.js ${version} is too old: ${remedy}`;
}

/** @param {string | null} version @returns {string | null} */
export function npmProblem(version) {
  if (version === null) return 'npm is missing: install it; it comes with Node.js from https://nodejs.org.';
  return atLeast(version, [9]) ? null : `npm ${version} is too old: update it with \`npm install -g npm@11\`.`;
}

/** @param {string | null} output of `java -version` @returns {string | null} */
export function javaProblem(output) {
  const remedy =
    'Kafka needs Java 17 or later: install it (Debian: `apt-get install openjdk-17-jre-headless`, macOS: ' +
    '`brew install openjdk@17`), or use containers with STACK=compose.';
  const version = output?.match(/version "([^"]+)"/)?.[1] ?? null;
  if (version === null) return `Java is missing: ${remedy}`;
  return atLeast(version, [17]) ? null : `Java ${version} is too old: ${remedy}`;
}

/** @param {string | null} output of `mvn -v` @returns {string | null} */
export function mavenProblem(output) {
  const remedy =
    "Kafka's jars are fetched with Maven 3.6 or later: install it (Debian: `apt-get install maven`, macOS: " +
    '`brew install maven`), or use containers with STACK=compose.';
  const version = output?.match(/Apache Maven (\S+)/)?.[1] ?? null;
  if (version === null) return `Maven is missing: ${remedy}`;
  return atLeast(version, [3, 6]) ? null : `Maven ${version} is too old: ${remedy}`;
}

/** Whether a container engine answers. */
export function dockerAnswers() {
  return run('docker', ['info']) !== null;
}

/** Sentences about what is missing to install and compile the project. @returns {string[]} */
export function buildProblems() {
  return found(nodeProblem(process.version), npmProblem(run('npm', ['--version'])));
}

/** Sentences about what is missing to run Kafka as a process; `fetched`: its jars are there. @returns {string[]} */
export function nativeProblems(fetched) {
  return found(javaProblem(run('java', ['-version'])), fetched ? null : mavenProblem(run('mvn', ['-v'])));
}

/** @param {(string | null)[]} problems @returns {string[]} */
function found(...problems) {
  return problems.filter((problem) => problem !== null);
}

/** What a command writes; null when there is none or it fails. */
function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout + stderr : null;
}

/** @param {string} version @param {number[]} wanted @returns {boolean} */
function atLeast(version, wanted) {
  const parts = version.replace(/^\D*/, '').split(/\D+/).map(Number);
  for (const [i, least] of wanted.entries()) {
    if ((parts[i] ?? 0) !== least) return (parts[i] ?? 0) > least;
  }
  return true;
}
