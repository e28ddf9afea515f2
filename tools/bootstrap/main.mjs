// node tools/bootstrap/main.mjs COMMAND [ARGUMENT…]: makes sure that the project can be run, then runs tools/dist/COMMAND.js
// in this same process, so that signals to it reach the command. `install` stops after the first part.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt } from './install.mjs';
// biome-ignore lint/correctness/useImportExtensions: it is JavaScript, its types lie beside it
import { buildProblems, dockerAnswers, nativeProblems } from './prerequisites.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const [command, ...args] = process.argv.slice(2);
const script = join(ROOT, 'tools/dist', `${command}.js`);

try {
  if (!existsSync(script) || !(command === 'dev-down' || isRunning())) {
    stopIf(problems());
    await ensureBuilt();
  }
  process.argv = [process.argv[0], script, ...args];
  if (command !== 'install') await import(pathToFileURL(script).href);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

/** What a stack runs from is not to be replaced under it. */
function isRunning() {
  const lock = join(ROOT, '.dev/supervisor.json');
  if (command === 'install' || !existsSync(lock)) return false;
  try {
    process.kill(JSON.parse(readFileSync(lock, 'utf8')).pid, 0);
    return true;
  } catch {
    return false;
  }
}

function problems() {
  const build = buildProblems();
  const native = command === 'dev' && process.env.STACK !== 'compose' && !dockerAnswers();
  return native ? [...build, ...nativeProblems(hasKafkaJars())] : build;
}

function hasKafkaJars() {
  const folder = join(ROOT, '.dev');
  return existsSync(folder) && readdirSync(folder).some((name) => /^kafka-jars-\w+$/.test(name));
}

function stopIf(sentences) {
  if (sentences.length === 0) return;
  process.stderr.write(`${sentences.join('\n')}\n`);
  process.exit(1);
}
