import { describe, expect, it } from '@jest/globals';
import { type KafkaEnv, kafkaOptions } from './environment.ts';

const reached: KafkaEnv = { KAFKA_BROKERS: ['kafka:9092'], KAFKA_TOPIC_PREFIX: 'blue.', KAFKA_TLS: false };
const options = { brokers: ['kafka:9092'], topicPrefix: 'blue.' };

describe('the way to Kafka', () => {
  it('is open unless the environment says otherwise', () => {
    expect(kafkaOptions(reached)).toEqual(options);
  });

  it('is encrypted, trusts the given authority and shows the given identity', () => {
    expect(
      kafkaOptions({
        ...reached,
        KAFKA_TLS: true,
        KAFKA_TLS_CA: 'ca',
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME: 'auth',
        KAFKA_SASL_PASSWORD: 'secret',
      }),
    ).toEqual({
      ...options,
      ssl: { ca: ['ca'] },
      sasl: { mechanism: 'scram-sha-512', username: 'auth', password: 'secret' },
    });
    expect(kafkaOptions({ ...reached, KAFKA_TLS: true, KAFKA_TLS_CERT: 'cert', KAFKA_TLS_KEY: 'key' })).toEqual({
      ...options,
      ssl: { cert: 'cert', key: 'key' },
    });
    expect(kafkaOptions({ ...reached, KAFKA_TLS: true })).toEqual({ ...options, ssl: {} });
  });

  it('is refused half-configured, with the variable that is missing', () => {
    expect(() => kafkaOptions({ ...reached, KAFKA_TLS_CA: 'ca' })).toThrow('set KAFKA_TLS to true');
    expect(() => kafkaOptions({ ...reached, KAFKA_TLS: true, KAFKA_TLS_CERT: 'cert' })).toThrow('KAFKA_TLS_KEY');
    expect(() => kafkaOptions({ ...reached, KAFKA_SASL_USERNAME: 'auth' })).toThrow('set KAFKA_SASL_MECHANISM');
    expect(() => kafkaOptions({ ...reached, KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'auth' })).toThrow(
      'KAFKA_SASL_PASSWORD',
    );
  });
});
