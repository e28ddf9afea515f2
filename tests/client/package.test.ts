import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { importsOf } from '../setup/imports.ts';
import { readmeExamples } from './readme.ts';

const root = resolve(import.meta.dirname, '../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
/** What a page pays for the whole client, minified and compressed by gzip. */
const BROWSER_BUDGET_BYTES = 8 * 1024;

/** A project of a user, outside of this repository, with the package as `npm install` would put it there. */
let project: string;
let installed: string;
let packed: string[];

beforeAll(() => {
  execFileSync(process.execPath, [tsc, '-b', join(root, 'libs/client')]);
  project = mkdtempSync(join(tmpdir(), 'governsai-client-'));
  const npm = ['pack', '--json', '--pack-destination', project, '-w', '@governsai/client'];
  const [pack] = Object.values(
    JSON.parse(execFileSync('npm', npm, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })),
  ) as [{ filename: string; files: { path: string }[] }];
  packed = pack.files.map(({ path }) => path);
  installed = join(project, 'node_modules/@governsai/client');
  mkdirSync(installed, { recursive: true });
  const tarball = join(project, readdirSync(project).find((name) => name.endsWith('.tgz')) as string);
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of ['ws', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

const CONSUMER = `
import { AuthenticationError, type Ack, connect, type Decision, ResumeGapError } from '@governsai/client';

const client = connect({ url: 'https://governsai.example', token: async ({ signal }) => fetchToken(signal) });
declare function fetchToken(signal: AbortSignal): Promise<string>;

export async function follow(): Promise<Decision | undefined> {
  for await (const { seq, data } of client.subscribe('org:acme:decisions', { since: 0 })) {
    const place: number = seq;
    if (place > 3) return data;
  }
  for await (const { data } of client.subscribe('org:acme:decisions', { fields: ['id', 'tool'] })) {
    const tool: string | null = data.tool;
    // @ts-expect-error: not asked for
    data.hash;
    if (tool) break;
  }
  for await (const { data } of client.subscribe('org:acme:budget')) if (data.remaining < 1) break;
  for await (const { data } of client.subscribe('user:u-1:notifications')) data.title.trim();
  return undefined;
}

export async function record(): Promise<Ack> {
  // @ts-expect-error: no such decision
  await client.ingest({ direction: 'precheck', decision: 'perhaps' });
  // @ts-expect-error: no such channel
  client.subscribe('acme');
  try {
    return await client.ingest({ direction: 'precheck', decision: 'allow', usage: { cost: '0.25', currency: 'USD' } });
  } catch (error) {
    if (error instanceof AuthenticationError || error instanceof ResumeGapError) console.log(error.code);
    throw error;
  }
}
`;

/** The examples of the README, as files of the user's project. */
const examples = Object.fromEntries(readmeExamples().map(({ code }, i) => [`example-${i + 1}`, code]));

describe('the package', () => {
  it('holds the compiled files, its licence and its README, and nothing else', () => {
    const others = packed.filter((path) => !/^dist\/[\w-]+\.(js|js\.map|d\.ts)$/.test(path));
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    expect(packed).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/browser.js']));
    expect(packed.filter((path) => path.includes('test'))).toEqual([]);
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
  });

  it('depends on ws alone, and exports files that are there', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(Object.keys(manifest.dependencies)).toEqual(['ws']);
    for (const path of Object.values(manifest.exports['.']))
      expect(existsSync(join(installed, String(path)))).toBe(true);
    expect(manifest.private).toBeUndefined();
  });

  it('imports nothing of this repository, not even types: what is published stands alone', () => {
    const folder = join(root, 'libs/client/src');
    const sources = readdirSync(folder).filter((name) => /^[\w-]+\.ts$/.test(name));
    const outside = sources.flatMap((name) =>
      importsOf(join(folder, name)).filter((module) => !module.startsWith('./')),
    );
    expect([...new Set(outside)]).toEqual(['ws']);
  });

  it.each([
    ['a browser', { lib: ['es2022', 'dom'], types: [] }],
    ['Node', { lib: ['es2022'], types: ['node', 'ws'] }],
  ])('has declarations that compile in a project of its own, for %s', (_, options) => {
    const sources = { consumer: CONSUMER, ...(options.types.length > 0 && examples) };
    const files = Object.entries(sources).map(([name, code]) => {
      writeFileSync(join(project, `${name}.ts`), code);
      return `${name}.ts`;
    });
    const compilerOptions = {
      ...options,
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    try {
      execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout);
    }
  });

  it('runs in Node as it is installed', () => {
    const program = `import { connect } from '@governsai/client';
      const client = connect({ url: 'ws://127.0.0.1:1', apiKey: 'gai_x' });
      client.onState(({ state }) => {
        console.log(state);
        if (state === 'reconnecting') void client.close();
      });`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: project,
      encoding: 'utf8',
    });
    expect(output.trim().split('\n')).toEqual(['connecting', 'reconnecting', 'closed']);
  });

  it(`costs a page less than ${BROWSER_BUDGET_BYTES} bytes, and needs nothing of Node`, async () => {
    const result = await build({
      stdin: { contents: `export * from '@governsai/client'`, resolveDir: project },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      write: false,
      metafile: true,
    });
    const bundle = result.outputFiles[0]?.contents as Uint8Array;
    const bytes = gzipSync(bundle).length;
    process.stdout.write(`browser bundle: ${bundle.length} bytes, ${bytes} compressed\n`);
    expect(bytes).toBeLessThan(BROWSER_BUDGET_BYTES);
    expect(Object.keys(result.metafile.inputs).filter((path) => !/<stdin>|client\/dist\//.test(path))).toEqual([]);
    expect(Buffer.from(bundle).toString()).not.toMatch(/\b(process|Buffer|require)\b\s*[.(]/);
  });
});
