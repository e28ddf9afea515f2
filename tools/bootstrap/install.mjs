// Installs and compiles the project, doing only what is needed. Plain JavaScript without dependencies: it runs before
// anything is installed.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '../..');
const LOCK = join(ROOT, '.dev/install.lock');

/** Brings node_modules and the compiled files up to date. Two that do it at once take turns. */
export async function ensureBuilt() {
  mkdirSync(join(ROOT, '.dev'), { recursive: true });
  while (!takeLock()) {
    process.stdout.write('Another command is installing or compiling; waiting for it.\n');
    while (existsSync(LOCK) && holderLives()) await sleep(500);
    rmSync(LOCK, { force: true });
  }
  const release = () => rmSync(LOCK, { force: true });
  process.once('exit', release);
  try {
    if (!isInstalled())
      await step('installing packages (npm ci)', 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
    if (!isGenerated()) await generate();
    await step('compiling', process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b'], 'quiet');
  } finally {
    release();
    process.off('exit', release);
  }
}

/** Whether node_modules holds what package-lock.json names, by the list npm keeps of what it installed. */
function isInstalled() {
  const installed = readJson(join(ROOT, 'node_modules/.package-lock.json'))?.packages;
  if (!installed) return false;
  return Object.entries(readJson(join(ROOT, 'package-lock.json')).packages).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
    const there = installed[path];
    // Packages for other systems are optional and not installed.
    if (!there) return wanted.optional === true || wanted.peer === true;
    return there.version === wanted.version && there.resolved === wanted.resolved;
  });
}

/** Whether the Prisma client was generated from the present schema by the present Prisma. */
function isGenerated() {
  return existsSync(join(ROOT, 'libs/db/src/generated')) && readText(generatedMark()) === generatedFrom();
}

async function generate() {
  await step('generating the database client', 'npm', ['run', '--silent', 'generate'], 'quiet');
  writeFileSync(generatedMark(), generatedFrom());
}

function generatedMark() {
  return join(ROOT, '.dev/generated-from');
}

function generatedFrom() {
  const schema = readFileSync(join(ROOT, 'prisma/schema.prisma'));
  const version = readJson(join(ROOT, 'node_modules/prisma/package.json')).version;
  return createHash('sha256').update(schema).update(version).digest('hex');
}

/** Runs a command and says every five seconds that it still does. `quiet`: its output is shown only when it fails. */
async function step(title, command, args, quiet) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  process.stdout.write(`${title} …\n`);
  const ticker = setInterval(() => process.stdout.write(`${title} … ${seconds()} s\n`), 5_000);
  const child = spawn(command, args, {
    cwd: ROOT,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const code = await new Promise((settle) => {
    child.once('error', (error) => settle(error.message));
    child.once('close', (status, signal) => settle(signal ?? status));
  });
  clearInterval(ticker);
  if (code !== 0)
    throw new Error(`${output}${title} failed (${code}): mend what is said above and run the same command again.`);
}

function takeLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function holderLives() {
  try {
    process.kill(Number(readText(LOCK)) || -1, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

function readJson(file) {
  const text = readText(file);
  return text === null ? null : JSON.parse(text);
}
