import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** One value of the chart, as the values file states and explains it. */
export interface DocumentedValue {
  /** Dotted: `image.pullPolicy`. */
  path: string;
  description: string;
  default: unknown;
}

/**
 * The values that have a description: a comment `# -- …` above the key. A section without one is described by its parts.
 * Throws an Error that names every leaf without a description outside of described sections.
 */
export function documentedValues(yaml: string): DocumentedValue[] {
  const document = parseDocument(yaml);
  const found: DocumentedValue[] = [];
  const bare: string[] = [];
  if (!isMap(document.contents)) throw new Error('values.yaml must be a map');
  walk(document.contents, [], commentOf(document.contents.commentBefore ?? document.commentBefore));
  if (bare.length > 0) throw new Error(`values.yaml must explain with a comment "# -- …": ${bare.join(', ')}`);
  return found;

  function walk(map: YAMLMap, parents: string[], first: string | null): void {
    for (const [index, pair] of map.items.entries()) {
      if (!isScalar(pair.key))
        throw new Error(`values.yaml: the keys below ${parents.join('.') || 'the top'} must be names`);
      const path = [...parents, String(pair.key.value)];
      const description = commentOf(pair.key.commentBefore) ?? (index === 0 ? first : null);
      visit(pair, path, description);
    }
  }

  function visit(pair: Pair, path: string[], description: string | null): void {
    const value: unknown = pair.value;
    if (description !== null) {
      const plain = isMap(value) || (value && typeof value === 'object' && 'toJSON' in value);
      found.push({ path: path.join('.'), description, default: plain ? toJs(value) : value });
    } else if (isMap(value) && value.items.length > 0) {
      walk(value, path, commentOf(value.commentBefore));
    } else if (path[0] !== 'services') {
      bare.push(path.join('.'));
    }
  }

  function toJs(node: unknown): unknown {
    return (node as { toJS(document: unknown): unknown }).toJS(document);
  }
}

/** The sentence of `# -- …`, the last paragraph of the comment; null when it has none. */
function commentOf(comment: string | null | undefined): string | null {
  return /(?:^|\n) -- ([^\n]*(?:\n(?! --)[^\n]+)*)$/.exec(comment ?? '')?.[1]?.replace(/\n */g, ' ') ?? null;
}
