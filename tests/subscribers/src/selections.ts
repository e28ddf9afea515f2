import { EVERYTHING, type Selection } from '../../chaos/dist/subscriber.js';

/** What the subscribers of an org ask for, in turn: a third of them not for everything. Tools are `tool-0` to `tool-6`. */
export const SELECTIONS: readonly Selection[] = [
  EVERYTHING,
  EVERYTHING,
  { name: 'one tool, by a filter', filter: 'tool == "tool-3"', matches: (tool) => tool === 'tool-3' },
  EVERYTHING,
  EVERYTHING,
  { name: 'tools, by a glob', tools: 'tool-?', matches: (tool) => tool !== null && /^tool-.$/.test(tool) },
  EVERYTHING,
  EVERYTHING,
  { name: 'none, by a filter', filter: 'tool == "none"', matches: () => false },
];
