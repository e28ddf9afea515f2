import { readFileSync } from 'node:fs';

/** Memory of a service, in bytes. */
export interface Memory {
  /** Resident set: what the machine gives it. */
  rss: number;
  /** JavaScript objects, live and not yet collected. */
  heap: number;
}

/** The resident set of a process, in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

/** Memory of a service by its own metrics. */
export async function memoryOf(serviceUrl: string): Promise<Memory> {
  const text = await (await fetch(`${serviceUrl}/metrics`)).text();
  return {
    rss: metric(text, 'process_resident_memory_bytes'),
    heap: metric(text, 'nodejs_heap_size_used_bytes'),
  };
}

/** The value of a metric in Prometheus's text format, all its label sets added up; 0 when there is none. */
function metric(text: string, name: string): number {
  const samples = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
  return Array.from(samples, ([, value]) => Number(value)).reduce((sum, value) => sum + value, 0);
}
