import type { ServiceName } from '../topics.ts';

/** What each service is for, in one sentence: the tags of the generated documents. */
export const SERVICE_SUMMARIES: Record<ServiceName, string> = {
  auth: 'Says who a credential speaks for; keeps orgs, members, keys and the audit log.',
  'ingest-gateway': 'Takes decisions and acknowledges them once Kafka has confirmed the write.',
  'decision-writer': 'Stores decisions in one gapless hash chain for each org, and reads them back.',
  'budget-tracker': 'Books usage against budgets and raises notifications.',
  'push-gateway': 'Streams decisions, budgets and notifications to subscribers.',
};
