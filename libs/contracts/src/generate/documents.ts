import { readFileSync } from 'node:fs';
import { asyncApi } from './asyncapi.ts';
import { jsonSchemas } from './json-schemas.ts';
import { openApi } from './openapi.ts';
import type { Json } from './schema-collection.ts';

/** Every generated file by its path below `docs/api`. The same at every run. */
export function documents(): Map<string, string> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const files = new Map<string, Json>([
    ['openapi.json', openApi(version)],
    ['asyncapi.json', asyncApi(version)],
  ]);
  for (const [id, schema] of jsonSchemas()) files.set(`schemas/${id}.json`, schema);
  return new Map([...files].map(([path, document]) => [path, `${JSON.stringify(document, null, 2)}\n`]));
}
