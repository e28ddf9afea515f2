import { describe, expect, it } from '@jest/globals';
import { kafkaSecurity } from './security.ts';

describe('the way to Kafka', () => {
  it('is open unless the environment says otherwise', () => {
    expect(kafkaSecurity({ KAFKA_TLS: false })).toEqual({});
  });

  it('is encrypted, trusts the given authority and shows the given identity', () => {
    expect(
      kafkaSecurity({
        KAFKA_TLS: true,
        KAFKA_TLS_CA: 'ca',
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME: 'auth',
        KAFKA_SASL_PASSWORD: 'secret',
      }),
    ).toEqual({ ssl: { ca: ['ca'] }, sasl: { mechanism: 'scram-sha-512', username: 'auth', password: 'secret' } });
    expect(kafkaSecurity({ KAFKA_TLS: true, KAFKA_TLS_CERT: 'cert', KAFKA_TLS_KEY: 'key' })).toEqual({
      ssl: { cert: 'cert', key: 'key' },
    });
    expect(kafkaSecurity({ KAFKA_TLS: true })).toEqual({ ssl: {} });
  });

  it('is refused half-configured, with the variable that is missing', () => {
    expect(() => kafkaSecurity({ KAFKA_TLS: false, KAFKA_TLS_CA: 'ca' })).toThrow('set KAFKA_TLS to true');
    expect(() => kafkaSecurity({ KAFKA_TLS: true, KAFKA_TLS_CERT: 'cert' })).toThrow('KAFKA_TLS_KEY');
    expect(() => kafkaSecurity({ KAFKA_TLS: false, KAFKA_SASL_USERNAME: 'auth' })).toThrow('set KAFKA_SASL_MECHANISM');
    expect(() =>
      kafkaSecurity({ KAFKA_TLS: false, KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'auth' }),
    ).toThrow('KAFKA_SASL_PASSWORD');
  });
});
