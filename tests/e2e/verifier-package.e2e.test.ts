import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const vectors = join(root, 'docs/vectors/export-v1.ndjson');
const { publicKey } = JSON.parse(readFileSync(join(root, 'docs/vectors/export-v1.cases.json'), 'utf8')) as {
  publicKey: string;
};
const folder = mkdtempSync(join(tmpdir(), 'verifier-package-'));

/** Runs a command in the empty folder, as an auditor would who has nothing of this repository and no network. */
function run(command: string, args: readonly string[], cwd = folder) {
  const env = { PATH: process.env.PATH, HOME: folder, npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  return spawnSync(command, args, { cwd, env, encoding: 'utf8' });
}

beforeAll(() => {
  if (!existsSync(join(root, 'libs/verifier/dist/verify-cli.js'))) {
    throw new Error('the verifier is not built: run `make build` first');
  }
  expect(run('npm', ['pack', '--pack-destination', folder], join(root, 'libs/verifier'))).toMatchObject({ status: 0 });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  const installed = run('npm', ['install', '--no-audit', '--no-fund', `./${tarball}`]);
  expect(installed).toMatchObject({ status: 0 });
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true }));

it('the packed verifier needs no other package, and no source or test of its own', () => {
  expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['@governsai']);
  expect(readdirSync(join(folder, 'node_modules/@governsai'))).toEqual(['verifier']);
  const packed = readdirSync(join(folder, 'node_modules/@governsai/verifier'), { recursive: true }) as string[];
  expect(packed).toEqual(expect.arrayContaining(['package.json', 'README.md', join('dist', 'verify-cli.js')]));
  expect(packed.filter((name) => /\.test\.|^src|tsbuildinfo|testing/.test(name))).toEqual([]);
});

it('`npx governsai-verify` says what is valid, and names what is not', () => {
  const valid = run('npx', ['--no-install', 'governsai-verify', vectors, '--key', publicKey]);
  expect(valid).toMatchObject({ status: 0, stdout: expect.stringMatching(/^VALID\n/) });
  const forged = join(folder, 'forged.ndjson');
  writeFileSync(forged, readFileSync(vectors, 'utf8').replace('web.fetch', 'web.write'));
  const broken = run('npx', ['--no-install', 'governsai-verify', forged, '--key', publicKey]);
  expect(broken).toMatchObject({ status: 1, stdout: expect.stringMatching(/Record 1 was altered/) });
}, 60_000);

it('a program imports it by its name', () => {
  const program = `
    import { createReadStream } from 'node:fs';
    import { readLines, readPublicKey, resultOf, verifyChain } from '@governsai/verifier';
    const lines = readLines(createReadStream(process.argv[2]));
    const { valid, checked } = await resultOf(verifyChain(lines, { keys: [readPublicKey(process.argv[3])] }));
    console.log(valid, checked);`;
  writeFileSync(join(folder, 'program.mjs'), program);
  expect(run(process.execPath, ['program.mjs', vectors, publicKey])).toMatchObject({ status: 0, stdout: 'true 5\n' });
});
