import type { Scenario } from './scenario.ts';
import { access } from './scenarios/access.ts';
import { idle, resume } from './scenarios/connections.ts';
import { fanOut } from './scenarios/fan-out.ts';
import { growth, growthLong } from './scenarios/growth.ts';
import { holds } from './scenarios/holds.ts';
import { ingest } from './scenarios/ingest.ts';
import { latency } from './scenarios/latency.ts';
import { peers } from './scenarios/peers.ts';
import { pipeline } from './scenarios/pipeline.ts';
import { recording } from './scenarios/recording.ts';
import { tracing } from './scenarios/tracing.ts';

/** What is measured unless something else is asked for, in this order: memory first, what fills the tables last. */
export const SCENARIOS: readonly Scenario[] = [
  idle,
  fanOut,
  resume,
  latency,
  access,
  holds,
  ingest,
  pipeline,
  tracing,
  recording,
  growth,
];

/** What runs only when it is asked for: it takes long, or needs what not everybody has. */
export const OTHER_SCENARIOS: readonly Scenario[] = [growthLong, peers];
