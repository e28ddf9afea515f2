// node tools/k8s/crd-schemas.mjs OUT FILE…: makes schemas for kubeconform of the CustomResourceDefinitions in YAML files, strict: a field that
// the definition does not know is refused. The tests of the chart and of k8s/ use them when KUBECONFORM_CRD_SCHEMAS is
// `OUT/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`, the form of the public catalogue of such schemas too.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const [out, ...files] = process.argv.slice(2);
if (!out || files.length === 0) {
  process.stderr.write('Say where to and of what: crd-schemas.mjs OUT FILE…\n');
  process.exit(2);
}

let written = 0;
for (const file of files) {
  // Some are templates of Helm around a definition.
  const text = readFileSync(file, 'utf8').replace(/^\s*\{\{.*\}\}\s*$/gm, '');
  for (const document of parseAllDocuments(text)) {
    const { kind, spec } = document.toJS() ?? {};
    if (kind !== 'CustomResourceDefinition') continue;
    for (const { name, schema } of spec.versions) {
      mkdirSync(join(out, spec.group), { recursive: true });
      const path = join(out, spec.group, `${spec.names.kind.toLowerCase()}_${name}.json`);
      writeFileSync(path, JSON.stringify(strict(schema.openAPIV3Schema, true)));
      written++;
    }
  }
}
process.stdout.write(`${written} schemas written to ${out}\n`);

/** The same schema, refusing what it does not name and taking a null for what it does not require, as the API server does. */
function strict(schema, root = false) {
  if (Array.isArray(schema)) return schema.map((part) => strict(part));
  if (schema === null || typeof schema !== 'object') return schema;
  if (schema['x-kubernetes-int-or-string']) return { oneOf: [{ type: 'string' }, { type: 'integer' }] };
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'properties'
        ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, strict(part)]))
        : strict(value),
    ]),
  );
  if (copy.properties && !('additionalProperties' in copy) && !copy['x-kubernetes-preserve-unknown-fields']) {
    copy.additionalProperties = false;
  }
  // The API server itself defines what every object has; definitions often say only that it is an object.
  if (root)
    copy.properties = {
      ...copy.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
    };
  return copy;
}
