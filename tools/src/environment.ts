/** Names of this process's environment that the stack's processes may see. Everything else they get is stated by the stack. */
const PASSED_ON = [
  /^(PATH|HOME|USER|LANG|LC_ALL|TZ|TMPDIR|JAVA_HOME)$/,
  /^(NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/,
  /^((HTTPS?|NO)_PROXY|https?_proxy|no_proxy)$/,
];

/** Settings of the services that a developer may change for the local stack by exporting them. */
const SERVICE_SETTINGS =
  /^(OTEL_\w+|MAX_\w+|HOLDS?_\w+|WEBHOOK_\w+|METRICS_RETENTION_DAYS|LOG_LEVEL|ACCESS_STALENESS|DRAIN_SECONDS|HEALTH_CHECK_INTERVAL)$/;

type Environment = Record<string, string>;

/** What every program needs of the environment: where things are, and whom to trust. */
export function systemEnvironment(from: NodeJS.ProcessEnv = process.env): Environment {
  return pick(from, (name) => PASSED_ON.some((pattern) => pattern.test(name)));
}

/** The settings of services that this process's environment names. */
export function exportedServiceSettings(from: NodeJS.ProcessEnv = process.env): Environment {
  return pick(from, (name) => SERVICE_SETTINGS.test(name));
}

function pick(from: NodeJS.ProcessEnv, wanted: (name: string) => boolean): Environment {
  const picked: Environment = {};
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && wanted(name)) picked[name] = value;
  }
  return picked;
}
