import { readFileSync } from 'node:fs';
import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = 40;

/** The functions that took the most time by themselves, with their part of all the time that was not idle. */
export function topFunctions(file: string, root: string): string {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as Profiler.Profile;
  const selfMs = new Map<number, number>();
  profile.samples?.forEach((id, i) => {
    selfMs.set(id, (selfMs.get(id) ?? 0) + (profile.timeDeltas?.[i] ?? 0) / 1000);
  });
  const byPlace = new Map<string, number>();
  let busy = 0;
  for (const { id, callFrame } of profile.nodes) {
    const ms = selfMs.get(id) ?? 0;
    if (callFrame.functionName === '(idle)' || ms <= 0) continue;
    busy += ms;
    const place = placeOf(callFrame, root);
    byPlace.set(place, (byPlace.get(place) ?? 0) + ms);
  }
  const rows = [...byPlace].sort(([, a], [, b]) => b - a).slice(0, TOP);
  const lines = rows.map(
    ([place, ms]) => `${((100 * ms) / busy).toFixed(1).padStart(6)} %  ${ms.toFixed(0).padStart(7)} ms  ${place}`,
  );
  return [`${Math.round(busy)} ms on the CPU`, ...lines].join('\n');
}

interface HeapFile {
  spaces: { space_name: string; space_used_size: number }[];
  memory: NodeJS.MemoryUsage;
  profile: HeapProfiler.SamplingHeapProfile;
}

/** What the heap held at the end, by space and by the function that made it. */
export function heapSummary(file: string, root: string): string {
  const { spaces, memory, profile } = JSON.parse(readFileSync(file, 'utf8')) as HeapFile;
  const byPlace = new Map<string, number>();
  const visit = ({ callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode): void => {
    if (selfSize > 0) {
      const place = placeOf(callFrame, root);
      byPlace.set(place, (byPlace.get(place) ?? 0) + selfSize);
    }
    for (const child of children) visit(child);
  };
  visit(profile.head);
  const top = [...byPlace].sort(([, a], [, b]) => b - a).slice(0, TOP / 2);
  return [
    Object.entries(memory)
      .map(([name, bytes]) => `${name} ${mib(bytes)}`)
      .join(', '),
    spaces
      .filter(({ space_used_size }) => space_used_size > 2 ** 18)
      .map(({ space_name, space_used_size }) => `${space_name} ${mib(space_used_size)}`)
      .join(', '),
    'made while it was profiled and still held:',
    ...top.map(([place, bytes]) => `${mib(bytes).padStart(10)}  ${place}`),
  ].join('\n');
}

function placeOf({ functionName, url, lineNumber }: Runtime.CallFrame, root: string): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  return `${name}  ${url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url}:${lineNumber + 1}`;
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
