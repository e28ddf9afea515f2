import type { Evidence } from './evidence.ts';
import type { Fault } from './faults.ts';
import { ask, headerFault, inserted, recordFault, type Scene, type Suspicion, trailerFault } from './judge.ts';
import type { ExportTrailer } from './lines.ts';

/** What a part held, as counted on the way. */
export interface PartSum {
  count: number;
  checkpoints: number;
  /** SHA-256 of its bytes, hex. */
  sum: string;
}

/** What a trailer shows to be wrong with the part that it ends; null when all of it agrees. */
export function endOfPartFault(trailer: ExportTrailer, part: PartSum, scene: Scene): Suspicion | null {
  const { last, line } = scene;
  const place = trailer.lastSeq === last.seq;
  const head = trailer.head === last.hash;
  const agrees = place && head && trailer.count === part.count && trailer.checkpoints === part.checkpoints;
  if (trailer.sha256 === part.sum) {
    return agrees ? null : trailerFault(line, 'altered', 'its checksum fits what it ends, its numbers do not');
  }
  if (agrees) {
    const what = 'a person was removed, a checkpoint replaced, or the checksum itself changed since the export';
    return trailerFault(line, 'altered', `all records and links hold, but its checksum does not fit: ${what}`);
  }
  // Nothing but the header said where an export without records stands.
  if (scene.first && trailer.count === 0) return headerFault(scene.headerLine, 'it does not agree with the trailer');
  if (!place && !head) return ask(scene, null, last.seq, (evidence) => wrongEnd(trailer, scene, evidence));
  if (place && !head) {
    const message = `record ${last.seq} was altered and hashed anew: the trailer knows another hash`;
    return recordFault(last.seq, scene.lastLine, 'altered', message);
  }
  if (place && trailer.checkpoints > part.checkpoints) {
    const message = `of ${trailer.checkpoints} checkpoints only ${part.checkpoints} are there`;
    return { seq: last.seq, line, part: 'checkpoint', kind: 'missing', message };
  }
  if (place && trailer.checkpoints < part.checkpoints) {
    const message = `there are ${part.checkpoints} checkpoints instead of ${trailer.checkpoints}`;
    return { seq: last.seq, line, part: 'checkpoint', kind: 'inserted', message };
  }
  return trailerFault(line, 'altered', 'neither its checksum nor its numbers fit what it ends');
}

/** The trailer ends the part at another record than the one before it. */
function wrongEnd(trailer: ExportTrailer, scene: Scene, evidence: Evidence): Fault {
  const { last, line, lastLine } = scene;
  const place = last.seq + 1;
  if (evidence.trailer) return { ...inserted(scene, place, `a trailer of ${trailer.lastSeq}`), part: 'trailer' };
  if (evidence.expectedLater) {
    const message = `the trailer of ${trailer.lastSeq} stands where record ${place} belongs, which comes later`;
    return { seq: place, line, part: 'trailer', kind: 'reordered', message };
  }
  if (trailer.lastSeq > last.seq) {
    return recordFault(
      place,
      line,
      'missing',
      `record ${place} is missing: the part should end with ${trailer.lastSeq}`,
    );
  }
  const what = `a record after ${trailer.lastSeq}, with which the part should end,`;
  return inserted({ line: lastLine }, trailer.lastSeq + 1, what);
}
