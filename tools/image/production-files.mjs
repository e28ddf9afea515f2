// node tools/image/production-files.mjs OUT ENTRY… [--with PATH…]: copies the entries and every file they can load to OUT, at the
// same places, and nothing else; whole files or folders too. An image then holds neither build tools nor another service's packages.

import { cp, lstat, mkdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';

const ROOT = resolve(import.meta.dirname, '../..');
const [out, ...rest] = process.argv.slice(2);
const split = rest.includes('--with') ? rest.indexOf('--with') : rest.length;
const entries = rest.slice(0, split);
const more = rest.slice(split + 1);
if (!out || entries.length === 0) {
  process.stderr.write('Say where to and what: production-files.mjs OUT ENTRY… [--with PATH…]\n');
  process.exit(2);
}

// Releases of Node.js differ in whether they prefer the condition `module-sync`: both answers belong in.
const traced = new Set();
for (const conditions of [['node'], ['node', 'module-sync']]) {
  const { fileList } = await nodeFileTrace(
    entries.map((entry) => join(ROOT, entry)),
    { base: ROOT, conditions },
  );
  for (const file of fileList) traced.add(file);
}
// Some packages name their whole folder: documentation and types are not loaded.
const files = [...traced].filter((file) => !/\.(md|d\.[cm]?ts)$/.test(file));
for (const file of files) await copy(file);
for (const path of more) await cp(join(ROOT, path), join(out, path), { recursive: true });
process.stdout.write(`${files.length} files for ${entries.join(', ')}\n`);

async function copy(file) {
  const from = join(ROOT, file);
  const to = join(out, file);
  await mkdir(dirname(to), { recursive: true });
  // Workspaces are links in node_modules; they stay links.
  if ((await lstat(from)).isSymbolicLink()) await symlink(await readlink(from), to);
  else await cp(from, to);
}
