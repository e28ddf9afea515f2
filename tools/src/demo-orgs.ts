import { DEMO_ORGS } from '@governsai/db';
import type { StackFile } from './stack-file.ts';

/** The demo orgs of the seed as `.dev/stack.json` names them. */
export function demoOrgs(): StackFile['orgs'] {
  return DEMO_ORGS.map((org) => ({
    slug: org.id,
    adminApiKey: org.admin.key,
    producerApiKey: org.producer.key,
    subscriberApiKey: org.subscriber.key,
  }));
}
