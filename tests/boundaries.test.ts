import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMPUTED, importsOf } from './setup/imports.ts';

const root = resolve(import.meta.dirname, '..');

/**
 * Which libraries each part may import: the one statement of the layers. A library may name only libraries above it in
 * this list, so no cycle can be written. Services, tools and test files take any library, and never each other.
 */
const LIBRARY_EDGES = {
  contracts: [],
  verifier: [],
  client: [],
  cel: ['contracts'],
  telemetry: ['contracts'],
  service: ['contracts', 'telemetry'],
  db: ['contracts', 'telemetry'],
  kafka: ['contracts', 'telemetry'],
  access: ['contracts', 'telemetry', 'service', 'kafka'],
  socket: ['contracts', 'telemetry', 'service', 'access'],
} as const satisfies Record<string, readonly string[]>;

/** Packages that only one library may import, so that each can be replaced in one folder. */
const PACKAGE_OWNERS: readonly { packages: RegExp; owner: string }[] = [
  { packages: /^kafkajs$/, owner: 'libs/kafka' },
  { packages: /^(pg|pg-.*|@prisma\/.*|prisma)$/, owner: 'libs/db' },
];

const libraries = folders('libs');
const parts = [...libraries.map((name) => `libs/${name}`), ...folders('services').map((name) => `services/${name}`)];
if (existsSync(join(root, 'tools/src'))) parts.push('tools');

describe('layers', () => {
  it('states the edges of every library, in an order without a cycle', () => {
    const names = Object.keys(LIBRARY_EDGES);
    expect([...names].sort()).toEqual([...libraries].sort());
    for (const [name, edges] of Object.entries(LIBRARY_EDGES)) {
      const above = names.slice(0, names.indexOf(name));
      expect(above).toEqual(expect.arrayContaining([...edges]));
    }
  });

  it.each(parts)('%s imports only what it may', (part) => {
    expect(sources(part).flatMap((file) => importsOf(file).flatMap((name) => fault(part, file, name)))).toEqual([]);
  });

  it.each(['tsconfig.json', 'tsconfig.test.json'])('%s references every part', (file) => {
    const { references } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { references: { path: string }[] };
    // Programs beside the system: they are built, and take what is built.
    const programs = file === 'tsconfig.json' ? ['tests/chaos', 'tests/subscribers', 'bench'] : [];
    expect(references.map((reference) => reference.path).sort()).toEqual([...parts, ...programs].sort());
  });
});

/** What is wrong with one import, as a sentence for the report; nothing when it is allowed. */
function fault(part: string, file: string, name: string): string[] {
  const at = relative(root, file);
  if (isRelative(name)) {
    const target = relative(join(root, part), resolve(dirname(file), name));
    return target.startsWith('..') ? [`${at} reaches into another part by ${name}: import its package instead`] : [];
  }
  // Tools load what they have just built; anything else would hide an edge.
  if (name === COMPUTED && part !== 'tools')
    return [`${at} imports what only runs can tell: name the module literally`];
  const own = PACKAGE_OWNERS.find((rule) => rule.packages.test(packageOf(name)));
  if (own && own.owner !== part) return [`${at} imports ${name}: only ${own.owner} may, use what it exports`];
  const library = /^@governsai\/([^/]+)/.exec(name)?.[1];
  if (library === undefined) return [];
  if (!libraries.includes(library)) return [`${at} imports ${name}, which is no library: services speak through Kafka`];
  const edges: readonly string[] | undefined =
    part.startsWith('libs/') && !file.endsWith('.test.ts')
      ? LIBRARY_EDGES[part.slice('libs/'.length) as keyof typeof LIBRARY_EDGES]
      : undefined;
  const allowed = edges === undefined || edges.includes(library) || part === `libs/${library}`;
  return allowed ? [] : [`${at} imports ${name}: LIBRARY_EDGES in tests/boundaries.test.ts has no such edge`];
}

function isRelative(name: string): boolean {
  return name.startsWith('.') || name.startsWith('/') || name.startsWith('#');
}

/** `@scope/name/sub` → `@scope/name`, `name/sub` → `name`. */
function packageOf(name: string): string {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/');
}

function folders(parent: string): string[] {
  return readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, parent, entry.name, 'package.json')))
    .map((entry) => entry.name);
}

/** The written (not generated) TypeScript and JavaScript files of a part. */
function sources(part: string): string[] {
  return readdirSync(join(root, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\/(node_modules|dist|generated)\//.test(relative(root, file)));
}
