import type { Database } from '@governsai/db';
import type { Logger } from '@governsai/service';
import type { Publisher } from './publisher.ts';

// Orgs taken up in one round; the next round takes the next ones.
const ORGS_A_ROUND = 100;

/** Publishes what a writer stored but did not live to publish, for orgs that no new message brings back. */
export class Sweep {
  private timer: NodeJS.Timeout | null = null;
  private round: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Database,
    private readonly publisher: Publisher,
    private readonly log: Logger,
    private readonly intervalMs: number,
  ) {}

  start(): void {
    this.timer = setTimeout(() => {
      this.round = this.run().finally(() => this.timer && this.start());
    }, this.intervalMs);
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    await this.round;
  }

  /** One round. Never rejects: what fails is logged and left for the next. */
  async run(): Promise<void> {
    try {
      const behind = await this.db.system.query<{ org_id: string; published_seq: number; last_seq: number }>(
        'SELECT org_id, published_seq, last_seq FROM orgs_to_publish($1)',
        [ORGS_A_ROUND],
      );
      await this.publisher.publish(
        behind.map((row) => ({ orgId: row.org_id, publishedSeq: row.published_seq, lastSeq: row.last_seq, links: [] })),
      );
      if (behind.length > 0) this.log.info({ orgs: behind.length }, 'published what an earlier writer had left');
    } catch (error) {
      this.log.warn({ err: error }, 'the sweep for unpublished decisions failed; the next round tries again');
    }
  }
}
