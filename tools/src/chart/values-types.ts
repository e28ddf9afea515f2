import { TOPIC_NAMES, type TopicName } from '@governsai/contracts';
import { z } from 'zod';

// Parts of values that Kubernetes itself defines are passed on as they are; the API server checks them.
const kubernetes = z.record(z.string(), z.unknown());
const kubernetesList = z.array(kubernetes);
const texts = z.record(z.string(), z.string());
const settings = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.union([z.string(), z.number(), z.boolean()]));
const objectName = z.string().regex(/^$|^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);
const dataKey = z.string().regex(/^[A-Za-z0-9._-]+$/);
const optionalKey = z.string().regex(/^[A-Za-z0-9._-]*$/);
const tag = z.string().regex(/^[A-Za-z0-9_.-]{0,128}$/);
const count = z.int().min(0);
const atLeastOne = z.int().min(1);
const percentOrCount = z.union([z.int().min(0), z.string().regex(/^\d{1,3}%$/)]);
const resources = z.strictObject({
  requests: z.record(z.string(), z.union([z.string(), z.number()])),
  limits: z.record(z.string(), z.union([z.string(), z.number()])),
});
const host = z.string().regex(/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/);
const ports = z.array(z.int().min(1).max(65_535)).min(1);

const probe = z.strictObject({
  periodSeconds: atLeastOne,
  timeoutSeconds: atLeastOne,
  failureThreshold: atLeastOne,
  initialDelaySeconds: count.optional(),
});

const service = z.strictObject({
  replicas: count,
  image: z.strictObject({
    repository: z.string(),
    tag,
    digest: z.string().regex(/^$|^sha256:[0-9a-f]{64}$/),
  }),
  resources,
  config: settings,
  extraEnv: kubernetesList,
  extraEnvFrom: kubernetesList,
  extraVolumes: kubernetesList,
  extraVolumeMounts: kubernetesList,
  extraEgress: kubernetesList,
  kafkaSecret: objectName,
  drainSeconds: count.max(600),
  preStopSeconds: count.max(120),
  strategy: z.strictObject({
    type: z.enum(['RollingUpdate', 'Recreate']),
    rollingUpdate: z.strictObject({ maxSurge: percentOrCount, maxUnavailable: percentOrCount }),
  }),
  probes: z.strictObject({ startup: probe, liveness: probe, readiness: probe }),
  autoscaling: z.strictObject({
    enabled: z.boolean(),
    minReplicas: atLeastOne,
    maxReplicas: atLeastOne,
    cpu: count.max(100),
    memory: count.max(100),
    connections: count,
    metrics: kubernetesList,
    behavior: kubernetes,
    lag: count,
  }),
  podDisruptionBudget: z.strictObject({ enabled: z.boolean(), maxUnavailable: percentOrCount }),
  topologySpreadConstraints: kubernetesList,
  nodeSelector: texts,
  tolerations: kubernetesList,
  affinity: kubernetes,
  priorityClassName: z.string(),
  podAnnotations: texts,
  podLabels: texts,
  service: z.strictObject({ type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']), annotations: texts }),
  serviceAccount: z.strictObject({ annotations: texts }),
});

const secretKey = z.strictObject({ existingSecret: objectName, key: dataKey });

/** The types of values.yaml: nothing else is accepted. What each value means is said there. */
export const valuesSchema = z.strictObject({
  environment: z.enum(['production', 'development']),
  nameOverride: objectName,
  fullnameOverride: objectName,
  commonLabels: texts,
  image: z.strictObject({
    registry: z.string(),
    repository: z.string(),
    tag,
    pullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']),
    pullSecrets: z.array(objectName.min(1)),
  }),
  secrets: z.strictObject({
    existingSecret: objectName,
    keys: z.strictObject({
      internalToken: dataKey,
      jwtSecret: dataKey,
      jwtSecretPrevious: optionalKey,
      checkpointKey: optionalKey,
    }),
  }),
  database: z.strictObject({
    app: secretKey,
    admin: secretKey,
    poolSize: atLeastOne.max(1000),
    tls: z.strictObject({
      mode: z.enum(['', 'verify-full', 'verify-ca', 'require', 'prefer', 'no-verify', 'disable']),
    }),
    ports,
  }),
  kafka: z.strictObject({
    brokers: z.array(z.string().regex(/^[^\s:,]+:\d{1,5}$/)),
    topicPrefix: z.string().regex(/^[A-Za-z0-9._-]{0,100}$/),
    partitions: atLeastOne.max(10_000),
    replicationFactor: atLeastOne.max(100),
    tls: z.strictObject({
      enabled: z.boolean(),
      existingSecret: objectName,
      key: dataKey,
      clientSecret: objectName,
    }),
    sasl: z.strictObject({
      mechanism: z.enum(['', 'scram-sha-512', 'scram-sha-256', 'plain']),
      existingSecret: objectName,
      usernameKey: dataKey,
      passwordKey: dataKey,
    }),
    topics: z.enum(['job', 'strimzi', 'none']),
    topicsSecret: objectName,
    strimzi: z.strictObject({
      cluster: objectName,
      users: z.boolean(),
      retention: z.partialRecord(z.enum(TOPIC_NAMES as [TopicName, ...TopicName[]]), atLeastOne),
    }),
  }),
  trustedAuthorities: z.strictObject({ existingSecret: objectName, existingConfigMap: objectName, key: dataKey }),
  trustedProxies: z.array(z.string().regex(/^[0-9A-Fa-f.:]+\/\d{1,3}$/)),
  allowedOrigins: z.array(z.string().regex(/^https?:\/\/[^\s/]+$/)),
  config: settings,
  extraEnv: kubernetesList,
  extraEnvFrom: kubernetesList,
  extraVolumes: kubernetesList,
  extraVolumeMounts: kubernetesList,
  extraObjects: z.array(z.union([kubernetes, z.string()])),
  podSecurityContext: kubernetes,
  containerSecurityContext: kubernetes,
  defaults: service,
  services: z.strictObject({
    auth: partial(service),
    'ingest-gateway': partial(service),
    'decision-writer': partial(service),
    'budget-tracker': partial(service),
    'push-gateway': partial(service),
  }),
  migrations: z.strictObject({
    enabled: z.boolean(),
    backoffLimit: count,
    activeDeadlineSeconds: atLeastOne,
    resources,
    serviceAccountAnnotations: texts,
  }),
  bootstrap: z.strictObject({
    org: z.string().regex(/^$|^[a-z0-9][a-z0-9-]{0,62}$/),
    name: z.string(),
    existingSecret: objectName,
    key: dataKey,
    owner: z.strictObject({ email: z.string().regex(/^$|^[^\s@]+@[^\s@]+$/), key: dataKey }),
  }),
  admin: z.strictObject({ replicas: count.max(1), kafkaSecret: objectName, resources }),
  demo: z.strictObject({ enabled: z.boolean() }),
  ingress: z.strictObject({
    enabled: z.boolean(),
    className: z.string(),
    hosts: z.array(host),
    tls: z.strictObject({ enabled: z.boolean(), secretName: objectName }),
    annotations: texts,
    socketTimeoutSeconds: atLeastOne,
    maxBodySize: z.string().regex(/^\d+[kKmMgG]?$/),
    accessLog: z.boolean(),
  }),
  gateway: z.strictObject({
    enabled: z.boolean(),
    hosts: z.array(host),
    parentRefs: kubernetesList,
    create: z.strictObject({ className: z.string(), tlsSecretName: objectName, annotations: texts }),
    annotations: texts,
  }),
  networkPolicy: z.strictObject({
    enabled: z.boolean(),
    edge: kubernetesList,
    dns: z.strictObject({ to: kubernetesList, ports }),
    monitoring: kubernetesList,
    kafka: kubernetesList,
    database: kubernetesList,
    collector: kubernetesList,
    webhooks: z.boolean(),
    extraEgress: kubernetesList,
    extraIngress: kubernetesList,
  }),
  tracing: z.strictObject({
    endpoint: z.string().regex(/^$|^https?:\/\/[^\s/]+/),
    ratio: z.number().min(0).max(1),
    headersSecret: objectName,
    headersKey: dataKey,
    attributes: texts,
  }),
  monitoring: z.strictObject({
    serviceMonitor: z.strictObject({
      enabled: z.boolean(),
      interval: z.string().regex(/^\d+(ms|s|m)$/),
      labels: texts,
    }),
    prometheusRule: z.strictObject({ enabled: z.boolean(), labels: texts }),
    dashboards: z.strictObject({ enabled: z.boolean(), labels: texts, annotations: texts }),
  }),
  test: z.strictObject({ existingSecret: objectName, apiKeyKey: dataKey, orgKey: dataKey }),
});

/** The same with every part optional, all the way down. */
function partial(schema: z.ZodObject): z.ZodObject {
  const shape = Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, type]) => {
    const isPart = type instanceof z.ZodObject && name !== 'resources' && name !== 'strategy';
    return [name, (isPart ? partial(type) : type).optional()] as const;
  });
  return z.strictObject(Object.fromEntries(shape));
}
