import { spawnSync } from 'node:child_process';
import { edgeService, SERVICES } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import {
  CHART,
  helmEnvironment,
  kubeconformArguments,
  type Manifest,
  PLATFORM,
  program,
  render,
  valuesFiles,
} from './tools.ts';

const helm = program('helm');
const kubeconform = program('kubeconform');
const checks = kubeconformArguments();
const conforming = kubeconform && checks ? it : it.skip;
const missing = [
  'the chart in a real cluster (make k8s-test)',
  ...(helm ? [] : ['rendering the chart (helm)']),
  ...(kubeconform && checks ? [] : ["checking objects against Kubernetes' schemas (kubeconform)"]),
  ...(process.env.KUBECONFORM_CRD_SCHEMAS ? [] : ['checking those of operators (KUBECONFORM_CRD_SCHEMAS)']),
  ...(hasUnittest() ? [] : ['helm unittest (its plugin)']),
];
process.stdout.write(`Left out of the chart's tests here: ${missing.join('; ')}.\n`);

function hasUnittest(): boolean {
  return (
    helm !== null &&
    /^unittest\b/m.test(spawnSync(helm, ['plugin', 'list'], { encoding: 'utf8', env: helmEnvironment() }).stdout)
  );
}

const withHelm = helm ? describe : describe.skip;
const found = (file: string) => render(helm, file).manifests;
const ofKind = (manifests: Manifest[], kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const services = (manifests: Manifest[]) =>
  ofKind(manifests, 'Deployment').filter(({ metadata }) => !metadata.name.endsWith('-admin'));
/** The pod templates of everything that runs, by name. */
const pods = (manifests: Manifest[]) =>
  manifests.flatMap(({ kind, metadata, spec }) => {
    if (kind === 'Pod') return [{ name: metadata.name, labels: metadata.labels ?? {}, spec }];
    const template = kind === 'Deployment' || kind === 'Job' ? spec.template : null;
    return template ? [{ name: metadata.name, labels: template.metadata.labels, spec: template.spec }] : [];
  });
const fits = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

withHelm.each(valuesFiles())('with %s', (file) => {
  const { ok, text, manifests } = render(helm, file);

  it('the chart renders', () => {
    expect(text).not.toContain('<no value>');
    expect([ok, ok || text]).toEqual([true, true]);
    expect(services(manifests)).toHaveLength(SERVICES.length);
  });

  conforming('every object is what Kubernetes and its operators take', () => {
    const { status, stdout } = spawnSync(kubeconform ?? '', checks ?? [], { input: text, encoding: 'utf8' });
    expect([status, status === 0 || stdout]).toEqual([0, true]);
  });

  it('every pod is non-root, confined, read-only, limited, and has a named release of its image', () => {
    for (const { name, spec } of pods(manifests)) {
      expect([name, spec.securityContext]).toMatchObject([
        name,
        { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      ]);
      expect([name, spec.automountServiceAccountToken]).toEqual([name, false]);
      for (const container of spec.containers) {
        expect([name, container.securityContext]).toMatchObject([
          name,
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        ]);
        expect(Object.keys(container.resources.limits)).toEqual(expect.arrayContaining(['cpu', 'memory']));
        expect(Object.keys(container.resources.requests)).toEqual(expect.arrayContaining(['cpu', 'memory']));
        expect(container.image).toMatch(/(:[\w.-]+|@sha256:[0-9a-f]{64})$/);
        expect(container.image).not.toMatch(/:latest$/);
      }
    }
  });

  it('every service has the three probes, time to drain, a Service, and a budget unless switched off', () => {
    for (const { metadata, spec } of services(manifests)) {
      const [container] = spec.template.spec.containers;
      expect(container.startupProbe.httpGet.path).toBe('/startupz');
      expect(container.livenessProbe.httpGet.path).toBe('/livez');
      expect(container.readinessProbe.httpGet.path).toBe('/readyz');
      const settings = manifests.find(
        ({ kind, metadata: { name } }) => kind === 'ConfigMap' && name === metadata.name,
      )?.data;
      const asleep = container.lifecycle?.preStop.sleep.seconds ?? 0;
      // run-service.ts gives itself DRAIN_SECONDS + 10 s.
      expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
        asleep + Number(settings.DRAIN_SECONDS) + 10,
      );
      expect(ofKind(manifests, 'Service').map((service) => service.metadata.name)).toContain(metadata.name);
      const budgets = ofKind(manifests, 'PodDisruptionBudget').filter((budget) =>
        fits(budget.spec.selector.matchLabels, spec.template.metadata.labels),
      );
      expect([metadata.name, budgets.length]).toEqual([
        metadata.name,
        file.includes('everything') && metadata.name.endsWith('ingest-gateway') ? 0 : 1,
      ]);
    }
  });

  it('no secret is in a value, and none in an environment variable but a name and headers', () => {
    expect(ofKind(manifests, 'Secret')).toEqual([]);
    for (const { spec } of pods(manifests)) {
      const fromSecrets = spec.containers
        .flatMap(
          (container: { env?: { name: string; valueFrom?: { secretKeyRef?: object } }[] }) => container.env ?? [],
        )
        .filter((variable: { valueFrom?: { secretKeyRef?: object } }) => variable.valueFrom?.secretKeyRef)
        .map((variable: { name: string }) => variable.name);
      expect(['KAFKA_SASL_USERNAME', 'OTEL_EXPORTER_OTLP_HEADERS', 'ORG', 'API_KEY']).toEqual(
        expect.arrayContaining(fromSecrets),
      );
    }
  });

  (file.includes('external') ? it.skip : it)(
    'every pod is denied all traffic but what a policy of its own allows',
    () => {
      const policies = ofKind(manifests, 'NetworkPolicy');
      for (const { name, labels } of pods(manifests)) {
        const own = policies.filter(
          ({ spec }) => fits(spec.podSelector.matchLabels ?? {}, labels) && selects(spec, labels),
        );
        expect([name, own.some(({ spec }) => !spec.ingress && !spec.egress && spec.policyTypes.length === 2)]).toEqual([
          name,
          true,
        ]);
        expect([name, own.some(({ spec }) => spec.egress?.length > 0)]).toEqual([name, true]);
      }
    },
  );

  it('Ingress and HTTPRoute lead where the edge rules say', () => {
    const routes = [
      ...ofKind(manifests, 'Ingress').flatMap(ingressPaths),
      ...ofKind(manifests, 'HTTPRoute').flatMap(gatewayPaths),
    ];
    for (const { path, service } of routes) {
      const sample = path.replace('[^/]+', 'acme').replace('(/.*)?', '/x1');
      expect([sample, service.replace(/^(rel-governsai|rel-gov|gov)-/, '')]).toEqual([sample, edgeService(sample)]);
    }
  });
});

function selects(spec: Manifest['spec'], labels: Record<string, string>): boolean {
  const expressions: { key: string; values: string[] }[] = spec.podSelector.matchExpressions ?? [];
  return expressions.every(({ key, values }) => values.includes(labels[key] ?? ''));
}

function ingressPaths({ spec }: Manifest): { path: string; service: string }[] {
  return spec.rules.flatMap((rule: { http: { paths: { path: string; backend: { service: { name: string } } }[] } }) =>
    rule.http.paths.map(({ path, backend }) => ({ path: path.replace(/\$$/, ''), service: backend.service.name })),
  );
}

function gatewayPaths({ spec }: Manifest): { path: string; service: string }[] {
  return spec.rules.flatMap((rule: { matches: { path: { value: string } }[]; backendRefs: [{ name: string }] }) =>
    rule.matches.map(({ path }) => ({ path: path.value.replace(/^\^|\$$/g, ''), service: rule.backendRefs[0].name })),
  );
}

conforming('every object of the platform is what Kubernetes and its operators take', () => {
  const ignored = [
    '-ignore-filename-pattern',
    'kustomization',
    '-ignore-filename-pattern',
    '.*\\.md$',
    '-ignore-filename-pattern',
    '.*\\.mjs$',
  ];
  const { status, stdout } = spawnSync(kubeconform ?? '', [...(checks ?? []), ...ignored, PLATFORM], {
    encoding: 'utf8',
  });
  expect([status, status === 0 || stdout]).toEqual([0, true]);
});

withHelm('the edges between the pods', () => {
  const manifests = found('ci/minimal-values.yaml');
  const policy = (name: string) =>
    ofKind(manifests, 'NetworkPolicy').find(({ metadata }) => metadata.name === `rel-governsai-${name}`)?.spec;
  // biome-ignore lint/suspicious/noExplicitAny: rules of any form
  const components = (rules: any[], way: 'from' | 'to'): string[] =>
    rules
      .flatMap((rule) => rule[way] ?? [])
      .flatMap((peer) => peer.podSelector?.matchLabels?.['app.kubernetes.io/component'] ?? [])
      .sort();

  it('are those of the design, the same from both ends', () => {
    const edges = {
      auth: ['ingest-gateway', 'decision-writer', 'budget-tracker', 'push-gateway'],
      'ingest-gateway': ['auth'],
      'decision-writer': ['auth'],
      'budget-tracker': ['auth'],
      'push-gateway': ['auth', 'ingest-gateway', 'budget-tracker', 'push-gateway'],
    };
    for (const [caller, called] of Object.entries(edges)) {
      expect(components(policy(caller).egress, 'to')).toEqual([...called].sort());
    }
    for (const service of SERVICES) {
      const callers = Object.entries(edges).flatMap(([caller, called]) => (called.includes(service) ? [caller] : []));
      expect(components(policy(service).ingress, 'from')).toEqual([...callers, 'test'].sort());
    }
  });

  it('are open on the ports of Kafka and PostgreSQL only', () => {
    const ports = policy('push-gateway').egress.flatMap((rule: { ports: { port: number }[] }) =>
      rule.ports.map(({ port }) => port),
    );
    expect([...new Set(ports)]).toEqual([53, 5353, 9092, 5432, 'http']);
  });
});

withHelm('scaling', () => {
  it('gives readers of a shared group no more replicas than there are partitions', () => {
    const set = [
      'services.decision-writer.autoscaling.enabled=true',
      'services.decision-writer.autoscaling.maxReplicas=50',
    ];
    const scaler = ofKind(
      render(helm, 'ci/minimal-values.yaml', ...set, 'kafka.partitions=4').manifests,
      'HorizontalPodAutoscaler',
    );
    expect(scaler.map(({ spec }) => spec.maxReplicas)).toEqual([4]);
    const keda = ofKind(found('values-production.yaml'), 'ScaledObject');
    expect(
      keda.map(({ spec }) => [spec.scaleTargetRef.name, spec.maxReplicaCount, spec.triggers[0].metadata.topic]),
    ).toEqual([
      ['rel-governsai-decision-writer', 24, 'decisions.submitted'],
      ['rel-governsai-budget-tracker', 12, 'decisions.recorded'],
    ]);
  });

  it('leaves the count to the autoscaler', () => {
    const scaled = services(found('values-production.yaml')).filter(({ spec }) => spec.replicas === undefined);
    expect(scaled.map(({ metadata }) => metadata.name).sort()).toEqual(
      ['budget-tracker', 'decision-writer', 'ingest-gateway', 'push-gateway'].map((name) => `rel-governsai-${name}`),
    );
  });
});

withHelm("Strimzi's topics", () => {
  it('are kept as the contract says, or as the values do', () => {
    const kept = ofKind(found('values-production.yaml'), 'KafkaTopic').map(({ spec }) => [
      spec.topicName,
      spec.config['retention.ms'] / 86_400_000,
    ]);
    expect(Object.fromEntries(kept)).toMatchObject({ 'decisions.submitted': 3, 'decisions.recorded': 7 });
  });
});

withHelm('the admin command', () => {
  const admin = (file: string) =>
    found(file).find(({ kind, metadata: { name } }) => kind === 'Deployment' && /-admin$/.test(name));

  it('has no pod until one is wanted', () => {
    expect(admin('values-production.yaml')?.spec.replicas).toBe(0);
  });

  it('is at Kafka who may read dead letters, and no service', () => {
    const user = ofKind(found('values-production.yaml'), 'KafkaUser').find(({ metadata }) =>
      /-admin$/.test(metadata.name),
    );
    const reads = user?.spec.authorization.acls.filter(
      (acl: { resource: { type: string }; operations: string[] }) =>
        acl.resource.type === 'topic' && acl.operations.includes('Read'),
    );
    const names = reads.map((acl: { resource: { name: string } }) => acl.resource.name);
    expect(names.filter((name: string) => !name.endsWith('.dead')).sort()).toEqual([
      'audit.recorded',
      'decisions.submitted',
    ]);
    expect(JSON.stringify(admin('values-production.yaml'))).toContain(`"name":"${user?.metadata.name}"`);
    expect(JSON.stringify(admin('ci/everything-values.yaml'))).toContain('"name":"kafka-admin"');
  });
});

withHelm('the first org', () => {
  it('gets its key and the invitation of its owner from a Secret', () => {
    const job = ofKind(found('values-production.yaml'), 'Job').find(({ metadata }) =>
      /-bootstrap$/.test(metadata.name),
    );
    const [container] = job?.spec.template.spec.containers ?? [];
    expect(container.command.slice(2).join(' ')).toBe(
      'bootstrap --org example --name Example Ltd --key-file /etc/governsai/api-key --email owner@example.com --invitation-file /etc/governsai/invitation',
    );
    const volumes = JSON.stringify(job?.spec.template.spec.volumes);
    for (const path of ['api-key', 'invitation']) expect(volumes).toContain(`{"key":"${path}","path":"${path}"}`);
  });
});

withHelm('settings', () => {
  const configOf = (name: string, ...set: string[]) =>
    ofKind(render(helm, 'ci/gateway-values.yaml', ...set).manifests, 'ConfigMap').find(
      ({ metadata }) => metadata.name === `rel-gov-${name}`,
    )?.data;
  const checksum = (name: string, ...set: string[]) =>
    services(render(helm, 'ci/gateway-values.yaml', ...set).manifests).find(
      ({ metadata }) => metadata.name === `rel-gov-${name}`,
    )?.spec.template.metadata.annotations['checksum/config'];

  it('are the release’s, and the service’s own on top, written as whole numbers', () => {
    expect(configOf('push-gateway')).toMatchObject({
      LOG_LEVEL: 'warn',
      ACCESS_STALENESS: '8000',
      MAX_CONNECTIONS: '1000000',
    });
    expect(configOf('auth').MAX_CONNECTIONS).toBeUndefined();
  });

  it('make new pods when they change, of that service alone', () => {
    const change = 'services.push-gateway.config.MAX_CONNECTIONS=5';
    expect(checksum('push-gateway', change)).not.toBe(checksum('push-gateway'));
    expect(checksum('auth', change)).toBe(checksum('auth'));
  });
});

(hasUnittest() ? it : it.skip)('helm unittest passes', () => {
  const { status, stdout, stderr } = spawnSync(helm ?? '', ['unittest', CHART], {
    encoding: 'utf8',
    env: helmEnvironment(),
  });
  expect([status, status === 0 || stdout + stderr]).toEqual([0, true]);
});
