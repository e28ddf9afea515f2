import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readStackFile, type StackFile, writeStackFile } from './stack-file.ts';

const at = (port: number, ...pids: number[]) => ({ url: `http://127.0.0.1:${port}`, pids });
const stack: StackFile = {
  edgeUrl: 'http://127.0.0.1:3000',
  wsUrl: 'ws://127.0.0.1:3000/ws',
  databaseUrl: 'postgresql://postgres:secret@127.0.0.1:5432/governsai',
  kafkaBrokers: ['127.0.0.1:9092'],
  jaegerUrl: null,
  prometheusUrl: null,
  grafanaUrl: null,
  orgs: [{ slug: 'acme', adminApiKey: 'gai_a', producerApiKey: 'gai_p', subscriberApiKey: 'gai_s' }],
  services: {
    auth: at(3001, 11),
    'ingest-gateway': at(3002, 12, 13),
    'decision-writer': at(3003, 14),
    'budget-tracker': at(3004),
    'push-gateway': at(3005, 15),
  },
  pids: { kafka: 21, postgres: null },
};

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'stack-file-'));
  file = join(dir, 'stack.json');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('stack.json', () => {
  it('comes back as it was written, and only its owner may read it', () => {
    writeStackFile(stack, file);
    expect(readStackFile(file)).toEqual(stack);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is null where no stack runs', () => {
    expect(readStackFile(file)).toBeNull();
  });

  it('of another version is refused with the remedy', () => {
    writeFileSync(file, JSON.stringify({ edgeUrl: 'http://127.0.0.1:3000' }));
    expect(() => readStackFile(file)).toThrow('make dev-down');
  });
});
