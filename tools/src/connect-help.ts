import { relative } from 'node:path';
import type { Proof } from './proof.ts';
import { STACK_FILE, type StackFile } from './stack-file.ts';

/** What came back of the one decision that was sent, for people. */
export function proofText({ ingest, decision, budgetUpdate, tookMs }: Proof): string {
  return [
    `Proof that it works, over the edge (${tookMs} ms):`,
    `  sent      ${JSON.stringify(ingest)}`,
    `  received  ${JSON.stringify(decision)}`,
    `  received  ${JSON.stringify(budgetUpdate)}`,
  ].join('\n');
}

/** How to use a stack that runs, with lines to copy. */
export function connectText(stack: StackFile): string {
  const org = stack.orgs[0];
  const example = {
    schema: 'decision.v1',
    idempotencyKey: 'my-first-decision',
    data: { direction: 'precheck', decision: 'allow', tool: 'web.fetch', payloadHash: 'sha256:abc123' },
  };
  return [
    `Edge        ${stack.edgeUrl}  and  ${stack.wsUrl}`,
    `PostgreSQL  ${stack.databaseUrl}`,
    `Kafka       ${stack.kafkaBrokers.join(',')}`,
    ...(stack.jaegerUrl ? [`Jaeger      ${stack.jaegerUrl}`] : []),
    ...(stack.prometheusUrl ? [`Prometheus  ${stack.prometheusUrl}`] : []),
    ...(stack.grafanaUrl ? [`Grafana     ${stack.grafanaUrl}`] : []),
    ...stack.orgs.map(({ slug, adminApiKey }) => `Demo org    ${slug}, key ${adminApiKey}`),
    '',
    'Connect (then type messages such as',
    `{"type":"SUB","channels":["org:${org?.slug}:decisions","org:${org?.slug}:budget"]}):`,
    `  node tools/dist/wscat.js '${stack.wsUrl}?org=${org?.slug}&key=${org?.adminApiKey}'`,
    'Submit a decision:',
    `  curl -sS ${stack.edgeUrl}/v1/decisions -H 'Authorization: Bearer ${org?.producerApiKey}' \\`,
    `    -H 'Content-Type: application/json' -d '${JSON.stringify(example)}'`,
    '',
    `All of this is in ${relative(process.cwd(), STACK_FILE)}. Logs: .dev/logs. Stop: make dev-down. Begin anew: make dev-reset.`,
  ].join('\n');
}
