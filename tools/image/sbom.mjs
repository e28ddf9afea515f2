// node tools/image/sbom.mjs OUT NAME: writes OUT/sbom.json, what the image of NAME is made of, as CycloneDX 1.5
// (https://cyclonedx.org/docs/1.5/json): each package whose files are in the folder OUT, Node.js, and what Node.js is linked with.
// `npm sbom --omit dev` cannot say it: it leaves out what is also a development dependency of the root. The same files give the same text.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const [out, name] = process.argv.slice(2);
if (!out || !name) {
  process.stderr.write('Say where and for whom: sbom.mjs OUT NAME\n');
  process.exit(2);
}

const { packages: locked } = read('package-lock.json');
const { version } = read('package.json');
const ref = (kind, key, release) => `pkg:${kind}/${key.replace('@', '%40')}@${release}`;
const license = (id) => (id ? { licenses: [/[ ()]/.test(id) ? { expression: id } : { license: { id } }] } : {});

const components = new Map();
for (const folder of packageFolders(out)) {
  const { name: key, version: release, license: id } = read(join(out, folder, 'package.json'));
  const purl = ref('npm', key, release);
  const integrity = /^sha512-(.+)$/.exec(locked[folder]?.integrity ?? '')?.[1];
  components.set(purl, {
    type: 'library',
    'bom-ref': purl,
    name: key,
    version: release,
    purl,
    ...license(id),
    ...(integrity && { hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity, 'base64').toString('hex') }] }),
  });
}
for (const [key, release] of Object.entries(process.versions).filter(([, text]) => /^\d+\.\d/.test(text))) {
  const purl = ref('generic', key, release);
  components.set(purl, {
    type: key === 'node' ? 'platform' : 'library',
    'bom-ref': purl,
    name: key,
    version: release,
    purl,
  });
}

const bom = {
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: {
    component: {
      type: 'application',
      'bom-ref': `governsai/${name}`,
      name: `governsai/${name}`,
      version,
      ...license('Apache-2.0'),
    },
  },
  components: [...components.keys()].sort().map((purl) => components.get(purl)),
};
writeFileSync(join(out, 'sbom.json'), `${JSON.stringify(bom, null, 2)}\n`);
process.stdout.write(`${components.size} components in the SBOM of ${name}\n`);

/** The folders below `root` that hold a package with a name and a version; links are not followed. */
function packageFolders(root) {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name === 'package.json')
    .map((entry) => relative(root, entry.parentPath))
    .filter((folder) => {
      const { name: key, version: release } = read(join(root, folder, 'package.json'));
      return key !== undefined && release !== undefined;
    });
}

function read(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
