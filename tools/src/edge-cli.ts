import { parseArgs } from 'node:util';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { createEdge } from './edge.ts';

// The edge as a process of its own, for containers: `node edge-cli.js --port 3000 auth=http://auth:3001 …`. With
// `--trusted-proxies 172.16.0.0/12` it stands behind another proxy, which says where clients are.

const { values, positionals } = parseArgs({
  options: {
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '3000' },
    'trusted-proxies': { type: 'string', default: '' },
  },
  allowPositionals: true,
});

const upstreams = new Map<ServiceName, string[]>();
for (const argument of positionals) {
  const [name = '', url = ''] = argument.split(/=(.*)/s);
  const service = SERVICES.find((known) => known === name);
  if (!service || !URL.canParse(url)) {
    console.error(`\`${argument}\` does not name a service and its URL: write for instance auth=http://auth:3001.`);
    process.exit(2);
  }
  upstreams.set(service, [...(upstreams.get(service) ?? []), url]);
}

const trustedProxies = values['trusted-proxies'].split(',').filter((network) => network !== '');
const edge = createEdge({ upstreams: (service) => upstreams.get(service) ?? [], trustedProxies });
await edge.listen(Number(values.port), values.host);
console.log(`The edge listens on ${values.host}:${values.port}.`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void edge.close());
