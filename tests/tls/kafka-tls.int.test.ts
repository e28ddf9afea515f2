import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKafka, kafkaOptions } from '@governsai/kafka';
import { createLogger, kafkaEnv, loadConfig } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../tools/src/command.ts';
import { systemEnvironment } from '../../tools/src/environment.ts';
import { Guard } from '../../tools/src/guard.ts';
import { ensureKafkaJars, prepareKafka } from '../../tools/src/kafka.ts';
import { ROOT } from '../../tools/src/paths.ts';
import { freePorts } from '../../tools/src/ports.ts';
import { ManagedProcess } from '../../tools/src/process.ts';

// A broker of its own with two ways in: TLS with SCRAM, and TLS with a certificate of the client. It is reached as services
// reach theirs: by the variables of their environment.

const dir = join(ROOT, '.test', `kafka-tls-${process.pid}`);
const PASSWORD = 'the password of the tls test';
const hasOpenssl = succeeds(() => execFileSync('openssl', ['version'], { stdio: 'ignore' }));
let guard: Guard | undefined;
let broker: ManagedProcess | undefined;
let ports: { scram: number; mutual: number };

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });

/** An authority, and a certificate for 127.0.0.1 that it signed: `<ca>.crt`, `<name>.crt`, `<name>.key`. */
function makeAuthority(ca: string, ...names: string[]): void {
  const days = ['-days', '1'];
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    ...days,
    '-subj',
    `/CN=${ca}`,
    '-keyout',
    `${ca}.key`,
    '-out',
    `${ca}.crt`,
  );
  writeFileSync(join(dir, 'san.cnf'), 'subjectAltName=IP:127.0.0.1\n');
  for (const name of names) {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    const signed = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-extfile', 'san.cnf'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, ...days, '-out', `${name}.crt`);
  }
}

beforeAll(async () => {
  if (!hasOpenssl) return;
  mkdirSync(dir, { recursive: true });
  guard = new Guard();
  guard.removeAtEnd(dir);
  makeAuthority('ca', 'server', 'client');
  makeAuthority('stranger', 'intruder');
  writeFileSync(join(dir, 'server.pem'), readFileSync(join(dir, 'server.key')));
  appendFileSync(join(dir, 'server.pem'), readFileSync(join(dir, 'server.crt')));
  const run = { guard };
  const jars = await ensureKafkaJars(run, () => {});
  const free = await freePorts(['kafka', 'kafka-controller', 'auth', 'edge']);
  ports = { scram: free.auth, mutual: free.edge };
  const options = { dir: join(dir, 'kafka'), port: free.kafka, controllerPort: free['kafka-controller'] };
  const spec = await prepareKafka(options, jars, run);
  const config = join(options.dir, 'server.properties');
  const listeners = `SCRAM://127.0.0.1:${ports.scram},MUTUAL://127.0.0.1:${ports.mutual}`;
  // Of two lines with one name the last counts.
  appendFileSync(
    config,
    [
      `listeners=PLAINTEXT://127.0.0.1:${free.kafka},CONTROLLER://127.0.0.1:${free['kafka-controller']},${listeners}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${free.kafka},${listeners}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL',
      'listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512',
      'listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.mutual.ssl.client.auth=required',
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${join(dir, 'server.pem')}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${join(dir, 'ca.crt')}`,
      '',
    ].join('\n'),
  );
  // Formatted anew, this time with somebody who may come in.
  rmSync(join(options.dir, 'data'), { recursive: true });
  const scram = `SCRAM-SHA-512=[name=governsai,password=${PASSWORD}]`;
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', 'dGxzLXRlc3QtY2x1c3Rlcg', '--config', config];
  await runCommand('java', ['-Xmx128m', '-cp', join(jars, '*'), ...format, '--add-scram', scram], {
    ...run,
    env: systemEnvironment(),
  });
  broker = new ManagedProcess(spec, { guard, output: () => {}, event: () => {} });
  await broker.start();
}, 180_000);

afterAll(async () => {
  await broker?.stop();
  await guard?.close();
}, 60_000);

/** Reaches the broker by the environment of a service, PEMs and password in files; what became of it. */
async function reach(port: number, env: Record<string, string>): Promise<string> {
  const config = loadConfig(kafkaEnv, { KAFKA_BROKERS: `127.0.0.1:${port}`, ...env });
  const log = createLogger('tls-test', 'silent');
  const kafka = createKafka({ ...kafkaOptions(config), clientId: 'tls-test', log });
  return kafka.ping().then(
    () => 'reached',
    (error: Error) => error.message,
  );
}

const file = (name: string) => join(dir, name);
const tls = (ca = 'ca') => ({ KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: file(`${ca}.crt`) });
const scram = (password = PASSWORD) => {
  writeFileSync(file('password'), `${password}\n`);
  const who = { KAFKA_SASL_USERNAME: 'governsai', KAFKA_SASL_PASSWORD_FILE: file('password') };
  return { KAFKA_SASL_MECHANISM: 'scram-sha-512', ...who };
};
const certificate = (name: string) => ({
  KAFKA_TLS_CERT_FILE: file(`${name}.crt`),
  KAFKA_TLS_KEY_FILE: file(`${name}.key`),
});

const withOpenssl = hasOpenssl ? describe : describe.skip;

withOpenssl('Kafka over TLS', () => {
  it('is reached with SCRAM', async () => {
    expect(await reach(ports.scram, { ...tls(), ...scram() })).toBe('reached');
  });

  it('is not reached with a wrong password, without one, or in clear', async () => {
    expect(await reach(ports.scram, { ...tls(), ...scram('a wrong password') })).toMatch(/authentication failed/i);
    expect(await reach(ports.scram, tls())).not.toBe('reached');
    expect(await reach(ports.scram, scram())).not.toBe('reached');
  });

  it('is not believed when another authority vouches for it: the password never leaves', async () => {
    expect(await reach(ports.scram, { ...tls('stranger'), ...scram() })).toMatch(/certificate/);
  });

  it('is reached with a certificate of our own, and with none or a stranger’s it is not', async () => {
    expect(await reach(ports.mutual, { ...tls(), ...certificate('client') })).toBe('reached');
    expect(await reach(ports.mutual, tls())).not.toBe('reached');
    expect(await reach(ports.mutual, { ...tls(), ...certificate('intruder') })).not.toBe('reached');
  });
});
