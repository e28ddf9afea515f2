import { execFileSync } from 'node:child_process';
import { expect, it } from '@jest/globals';
import { register } from 'prom-client';
import { watchCertificates } from './certificates.ts';

const certificate = (days: number) =>
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ed25519',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=test',
      '-days',
      String(days),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );

it('tells when the certificate of a bundle ends that ends first', async () => {
  watchCertificates('KAFKA_TLS_CA', `${certificate(90)}\n${certificate(30)}`);
  const [value] = (await register.getSingleMetric('governsai_certificate_expiry_timestamp_seconds')!.get()).values;
  expect(value!.labels).toEqual({ certificate: 'KAFKA_TLS_CA' });
  expect(value!.value - Date.now() / 1000).toBeGreaterThan(29 * 86_400);
  expect(value!.value - Date.now() / 1000).toBeLessThan(31 * 86_400);
});

it('says nothing of what is no certificate', () => {
  expect(() => watchCertificates('KAFKA_TLS_CERT', 'not PEM')).not.toThrow();
});
