import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Example {
  /** The heading it stands below. */
  title: string;
  code: string;
}

/** The TypeScript examples of the client's README, in order. */
export function readmeExamples(): Example[] {
  const text = readFileSync(join(import.meta.dirname, '../../libs/client/README.md'), 'utf8');
  const examples: Example[] = [];
  let heading = '';
  for (const [block, title, code] of text.matchAll(/^##? (.+)$|^```ts\n([\s\S]*?)^```$/gm)) {
    if (block.startsWith('#')) heading = title as string;
    else examples.push({ title: heading, code: code as string });
  }
  return examples;
}
