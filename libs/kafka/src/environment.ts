import { watchCertificates } from '@governsai/telemetry';
import type { KafkaOptions } from './connection.ts';

/** What a service's environment says of the way to Kafka (`kafkaEnv` of `@governsai/service`). */
export interface KafkaEnv {
  KAFKA_BROKERS: readonly string[];
  KAFKA_TOPIC_PREFIX: string;
  KAFKA_TLS: boolean;
  KAFKA_TLS_CA?: string | undefined;
  KAFKA_TLS_CERT?: string | undefined;
  KAFKA_TLS_KEY?: string | undefined;
  KAFKA_SASL_MECHANISM?: 'scram-sha-512' | 'scram-sha-256' | 'plain' | undefined;
  KAFKA_SASL_USERNAME?: string | undefined;
  KAFKA_SASL_PASSWORD?: string | undefined;
}

/**
 * Where the cluster is, how to encrypt the connection and who to be on it, for `createKafka`. Throws an Error that names the
 * variable that another one needs: half a credential would be tried for ever.
 */
export function kafkaOptions(env: KafkaEnv): Omit<KafkaOptions, 'clientId' | 'log' | 'socketFactory'> {
  return {
    brokers: env.KAFKA_BROKERS,
    topicPrefix: env.KAFKA_TOPIC_PREFIX,
    ...encryption(env),
    ...identity(env),
  };
}

function encryption(env: KafkaEnv): Pick<KafkaOptions, 'ssl'> {
  const { KAFKA_TLS_CA: ca, KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: key } = env;
  if (!env.KAFKA_TLS) {
    if (ca || cert || key)
      throw new Error('KAFKA_TLS_CA, KAFKA_TLS_CERT or KAFKA_TLS_KEY is set: set KAFKA_TLS to true');
    return {};
  }
  if (!cert !== !key) throw new Error('KAFKA_TLS_CERT and KAFKA_TLS_KEY belong together: set both of them or neither');
  if (ca) watchCertificates('KAFKA_TLS_CA', ca);
  if (cert) watchCertificates('KAFKA_TLS_CERT', cert);
  return { ssl: { ...(ca && { ca: [ca] }), ...(cert && { cert }), ...(key && { key }) } };
}

function identity(env: KafkaEnv): Pick<KafkaOptions, 'sasl'> {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = env;
  if (!mechanism) {
    if (username || password)
      throw new Error('KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is set: set KAFKA_SASL_MECHANISM');
    return {};
  }
  if (!username || !password) {
    throw new Error(`KAFKA_SASL_MECHANISM is ${mechanism}: set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`);
  }
  // One line a mechanism: the client's type ties the options to it.
  if (mechanism === 'plain') return { sasl: { mechanism, username, password } };
  if (mechanism === 'scram-sha-256') return { sasl: { mechanism, username, password } };
  return { sasl: { mechanism, username, password } };
}
