import { Counter, Histogram } from '@governsai/service';
import type { RecordOutcome } from './recorder.ts';

/** What the writer tells of its recording. */
export class RecordingMetrics {
  private readonly decisions = new Counter({
    name: 'governsai_recording_messages_total',
    help: 'Submitted messages by what became of them.',
    labelNames: ['outcome'],
  });
  private readonly duration = new Histogram({
    name: 'governsai_recording_batch_seconds',
    help: 'Time to store one batch, its transaction included.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  });

  /** Runs and times the storing of one batch. */
  async time<T>(record: () => Promise<T>): Promise<T> {
    const end = this.duration.startTimer();
    try {
      return await record();
    } finally {
      end();
    }
  }

  /** Counts what became of a batch's messages. */
  recorded(outcome: RecordOutcome<unknown>): void {
    this.decisions.inc({ outcome: 'recorded' }, outcome.recorded);
    this.decisions.inc({ outcome: 'duplicate' }, outcome.duplicates);
    this.decisions.inc({ outcome: 'conflict' }, outcome.conflicts.length);
    this.decisions.inc({ outcome: 'refused' }, outcome.refused.length);
  }
}
