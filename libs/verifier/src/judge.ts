import type { Evidence, Question } from './evidence.ts';
import type { Fault } from './faults.ts';
import type { ExportLine, SignedCheckpoint } from './lines.ts';
import type { ChainRecordFields, Place } from './link.ts';

/** Where the walk stood when a line did not fit. */
export interface Scene {
  /** The line that did not fit. */
  line: number;
  /** The last record that fitted, and the line it stands on. */
  last: Place;
  lastLine: number;
  /** `prevHash` of that record. */
  beforeLast: string;
  /** The line of the part's header. */
  headerLine: number;
  /** No record has been seen yet: only the header says where the chain begins. */
  first: boolean;
  /** Checkpoints of this part so far. */
  checkpoints: number;
}

/** A fault that is clear at once, or one that the rest of the file has to decide. */
export type Suspicion = Fault | { question: Question; judge: (evidence: Evidence) => Fault };

/** A line that cannot be taken for anything: a damaged one of any part, or something slipped in. */
export function unreadableLine(scene: Scene, reason: string, text: string): Suspicion {
  const place = scene.last.seq + 1;
  const altered = { kind: 'altered', line: scene.line } as const;
  return ask(scene, null, place, (evidence) => {
    // At the end of a file only the line's own beginning tells a record from the trailer.
    const record = evidence.next === null ? text.startsWith('{"hash":') : evidence.nextPlace > place;
    if (record) return { ...altered, seq: place, part: 'record', message: `record ${place} was altered: ${reason}` };
    if (evidence.next === null || evidence.next === 'header' || text.startsWith('{"trailer":')) {
      return { ...altered, seq: null, part: 'trailer', message: `the trailer was altered: ${reason}` };
    }
    if (evidence.trailer && scene.checkpoints + evidence.checkpoints < evidence.trailer.checkpoints) {
      const message = `a checkpoint behind record ${scene.last.seq} was altered: ${reason}`;
      return { ...altered, seq: scene.last.seq, part: 'checkpoint', message };
    }
    return inserted(scene, place, `a line that belongs to no record: ${reason}`);
  });
}

/** A record whose text and hash disagree, or that is of another org. */
export function alteredRecord(scene: Scene, reason: string): Suspicion {
  const place = scene.last.seq + 1;
  return ask(scene, null, place, (evidence) =>
    evidence.next !== null && evidence.nextPlace <= place
      ? inserted(scene, place, `a record that is none of this chain: ${reason}`)
      : recordFault(place, scene.line, 'altered', `record ${place} was altered: ${reason}`),
  );
}

/** A whole record that is not the one after `last`. */
export function strayRecord(scene: Scene, fields: ChainRecordFields, hash: string): Suspicion {
  const place = scene.last.seq + 1;
  const linked = fields.prevHash === scene.last.hash;
  if (linked && scene.first) {
    return headerFault(
      scene.line - 1,
      `it says that record ${place} follows, but ${fields.seq} is chained to its prevHash`,
    );
  }
  if (linked) {
    const message = `record ${place} was altered and hashed anew: it calls itself ${fields.seq}`;
    return { ...recordFault(place, scene.line, 'altered', message), found: fields.seq };
  }
  if (fields.seq === place) return brokenLink(scene, fields, hash);
  return fields.seq > place ? recordAhead(scene, fields.seq) : recordBehind(scene, fields, hash);
}

/** The right seq, chained to another hash than the last record's: one of the two was altered and hashed anew. */
function brokenLink(scene: Scene, fields: ChainRecordFields, hash: string): Suspicion {
  const place = fields.seq;
  return ask(scene, place, place, (evidence) => {
    if (evidence.expectedLater) return inserted(scene, place, `another record that calls itself ${place}`, place);
    const fits = evidence.hashOf === hash;
    if (fits && scene.first) return headerFault(scene.headerLine, `record ${place} is chained to another prevHash`);
    if (fits) {
      const message = `record ${place - 1} was altered and hashed anew: record ${place} was chained to another one`;
      return recordFault(place - 1, scene.lastLine, 'altered', message);
    }
    const message = `record ${place} was altered and hashed anew: it is chained neither to the one before nor to the next`;
    return recordFault(place, scene.line, 'altered', message);
  });
}

function recordAhead(scene: Scene, found: number): Suspicion {
  const place = scene.last.seq + 1;
  return ask(scene, found, place, (evidence) => {
    if (!evidence.expectedLater) {
      return recordFault(place, scene.line, 'missing', `record ${place} is missing: ${found} stands in its place`);
    }
    if (evidence.foundLater || found > evidence.lastSeq) {
      return inserted(scene, place, `a record that calls itself ${found}`, found);
    }
    const message = `record ${found} stands where ${place} belongs, which comes later`;
    return { ...recordFault(place, scene.line, 'reordered', message), found };
  });
}

function recordBehind(scene: Scene, fields: ChainRecordFields, hash: string): Suspicion {
  const { last } = scene;
  const found = fields.seq;
  const rival = !scene.first && found === last.seq && hash !== last.hash && fields.prevHash === scene.beforeLast;
  return ask(scene, found, last.seq, (evidence) => {
    if (rival && evidence.hashOf === hash) {
      const message = `a forged record ${found} was inserted: the one that the chain goes on from comes after it`;
      return recordFault(found, scene.lastLine, 'inserted', message);
    }
    return inserted(scene, last.seq + 1, `a record that calls itself ${found}, which has passed`, found);
  });
}

/** A checkpoint, whole in itself, that is not of the last record. */
export function strayCheckpoint(scene: Scene, { checkpoint }: SignedCheckpoint): Suspicion {
  const place = scene.last.seq + 1;
  return ask(scene, null, place, (evidence) => {
    if (checkpoint.seq > scene.last.seq && !evidence.expectedLater) {
      const message = `record ${place} is missing: a checkpoint of ${checkpoint.seq} stands in its place`;
      return recordFault(place, scene.line, 'missing', message);
    }
    return displacedCheckpoint(scene, checkpoint.seq, evidence);
  });
}

/** A checkpoint of the last record that stands twice, or before an older one. */
export function checkpointOutOfOrder(scene: Scene, { checkpoint }: SignedCheckpoint): Suspicion {
  return ask(scene, null, scene.last.seq, (evidence) => displacedCheckpoint(scene, checkpoint.seq, evidence));
}

function displacedCheckpoint(scene: Scene, found: number, evidence: Evidence): Fault {
  const surplus = evidence.trailer && scene.checkpoints + 1 + evidence.checkpoints > evidence.trailer.checkpoints;
  const kind = surplus ? 'inserted' : 'reordered';
  const message = `a checkpoint of record ${found} stands behind record ${scene.last.seq} and was ${surplus ? kind : 'moved'}`;
  return { seq: scene.last.seq, found, line: scene.line, part: 'checkpoint', kind, message };
}

/** A whole checkpoint of the last record that knows another hash of it. */
export function contradictingCheckpoint(scene: Scene, { checkpoint }: SignedCheckpoint, vouchedTo: number): Suspicion {
  const { seq } = scene.last;
  return ask(scene, null, seq, (evidence) => {
    if (evidence.hashOf === checkpoint.head) {
      const message = `record ${seq} was altered and hashed anew: its checkpoint and what follows know another hash`;
      return recordFault(seq, scene.lastLine, 'altered', message);
    }
    const range =
      vouchedTo + 1 >= seq ? `record ${seq} was` : `one or more of the records ${vouchedTo + 1} to ${seq} were`;
    const message = `${range} altered and the chain hashed anew: the checkpoint of key ${checkpoint.keyId} knows another hash`;
    return recordFault(seq, scene.line, 'rewritten', message);
  });
}

/** A header inside a part that has not ended. `continues`: it is the one of the next part, if this one ended here. */
export function headerInside(scene: Scene, fromSeq: number, continues: boolean): Suspicion {
  const place = scene.last.seq + 1;
  return ask(scene, null, place, (evidence) =>
    continues && evidence.next !== 'trailer'
      ? trailerFault(
          scene.line,
          'missing',
          `a new part begins after record ${scene.last.seq} without the old one's end`,
        )
      : inserted(scene, place, `a header that says record ${fromSeq} follows`),
  );
}

/** Something else than a header where a part has to begin. */
export function noHeader(scene: Scene, line: Exclude<ExportLine, { part: 'header' }>): Suspicion {
  return ask(scene, null, scene.last.seq, (evidence) => {
    const what = line.part === 'unreadable' ? `a line that belongs to no part: ${line.reason}` : `a ${line.part}`;
    if (evidence.next === 'header') return inserted(scene, evidence.nextPlace, what);
    if (line.part === 'unreadable') return headerFault(scene.line, line.reason);
    const message = `the header is missing: a ${line.part} stands in its place`;
    return { seq: null, line: scene.line, part: 'header', kind: 'missing', message };
  });
}

export function headerFault(line: number, reason: string): Fault {
  return { seq: null, line, part: 'header', kind: 'altered', message: `the header was altered: ${reason}` };
}

export function trailerFault(line: number, kind: 'altered' | 'missing', reason: string): Fault {
  return {
    seq: null,
    line,
    part: 'trailer',
    kind,
    message: `the trailer ${kind === 'missing' ? 'is missing' : 'was altered'}: ${reason}`,
  };
}

export function recordFault(seq: number, line: number, kind: Fault['kind'], message: string): Fault {
  return { seq, line, part: 'record', kind, message };
}

/** Something stands before record `place` that does not belong to the export. */
export function inserted(scene: Pick<Scene, 'line'>, place: number, what: string, found?: number): Fault {
  const message = `${what} was inserted where record ${place} belongs`;
  return {
    ...recordFault(place, scene.line, 'inserted', message),
    ...(found !== undefined && found !== place && { found }),
  };
}

/** Leaves the verdict to the rest of the file. */
export function ask(
  scene: Scene,
  found: number | null,
  hashOf: number,
  judge: (evidence: Evidence) => Fault,
): Suspicion {
  return { question: { after: scene.last, found, hashOf }, judge };
}
