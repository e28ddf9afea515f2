import { verifyCheckpoint } from './checkpoint.ts';
import { type ExportLine, type ExportTrailer, parseLine } from './lines.ts';
import { openRecord, type Place } from './link.ts';

/** What the rest of a file is searched for, once a line did not fit. */
export interface Question {
  /** The last record before the fault: is the one that belongs after it still to come? */
  after: Place;
  /** The seq that the line at fault claims: does another line claim it? */
  found: number | null;
  /** Of this record the first later statement of its hash is wanted. */
  hashOf: number;
}

/** What the rest of a file says. It decides which of two lines that contradict each other is at fault. */
export interface Evidence {
  /** What the first whole line after the fault is, checkpoints aside. Null: there is none. */
  next: 'record' | 'trailer' | 'header' | null;
  /** The place in the chain at which that line stands, by its own word: the seq of the record that belongs there. */
  nextPlace: number;
  /** The record that belongs after `after` comes later. */
  expectedLater: boolean;
  /** Another record with the seq `found` comes later. */
  foundLater: boolean;
  /** What the first later line that knows says the hash of record `hashOf` is; null when none does. */
  hashOf: string | null;
  /** The trailer of the part that the fault is in. */
  trailer: ExportTrailer | null;
  /** Whole checkpoints between the fault and that trailer. */
  checkpoints: number;
  /** The end of the chain by the word of the last trailer; 0 when there is none. */
  lastSeq: number;
}

/** Reads the rest of a file for evidence. Takes one pass and keeps only the answers, whatever the size of the file. */
export async function gather(rest: AsyncIterable<string>, question: Question): Promise<Evidence> {
  const evidence: Evidence = {
    next: null,
    nextPlace: 0,
    expectedLater: false,
    foundLater: false,
    hashOf: null,
    trailer: null,
    checkpoints: 0,
    lastSeq: 0,
  };
  let inPart = true;
  for await (const text of rest) {
    const line = parseLine(text.replace(/\n$/, ''));
    weigh(line, question, evidence, inPart);
    if (line.part === 'trailer' || line.part === 'header') inPart = false;
  }
  return evidence;
}

function weigh(line: ExportLine, question: Question, evidence: Evidence, inPart: boolean): void {
  switch (line.part) {
    case 'record':
      weighRecord(line.row, question, evidence);
      return;
    case 'checkpoint': {
      const { seq, head } = line.signed.checkpoint;
      if (!verifyCheckpoint(line.signed)) return;
      if (inPart) evidence.checkpoints++;
      if (seq === question.hashOf) evidence.hashOf ??= head;
      return;
    }
    case 'trailer': {
      const { lastSeq, head } = line.trailer;
      if (inPart) evidence.trailer = line.trailer;
      standsAt(evidence, 'trailer', lastSeq + 1);
      if (lastSeq === question.hashOf) evidence.hashOf ??= head;
      evidence.lastSeq = lastSeq;
      return;
    }
    case 'header':
      standsAt(evidence, 'header', line.header.fromSeq);
      return;
    default:
  }
}

function weighRecord(row: { record: string; hash: string }, question: Question, evidence: Evidence): void {
  const opened = openRecord(row);
  if ('reason' in opened) return;
  const { seq, prevHash } = opened.fields;
  standsAt(evidence, 'record', seq);
  if (seq === question.after.seq + 1 && prevHash === question.after.hash) evidence.expectedLater = true;
  if (seq === question.found) evidence.foundLater = true;
  if (seq === question.hashOf + 1) evidence.hashOf ??= prevHash;
}

function standsAt(evidence: Evidence, part: 'record' | 'trailer' | 'header', place: number): void {
  if (evidence.next !== null) return;
  evidence.next = part;
  evidence.nextPlace = place;
}
