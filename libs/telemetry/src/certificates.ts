import { X509Certificate } from 'node:crypto';
import { Gauge } from 'prom-client';

const expiry = new Gauge({
  name: 'governsai_certificate_expiry_timestamp_seconds',
  help: 'When a certificate that this process was given ends, in seconds since 1970; of a bundle the one that ends first.',
  labelNames: ['certificate'] as const,
});

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Tells when certificates in PEM end. `name` is the setting they came by. Throws when one of them cannot be read. */
export function watchCertificates(name: string, pem: string): void {
  const ends = Array.from(pem.matchAll(CERTIFICATE), ([text]) => Date.parse(new X509Certificate(text).validTo) / 1000);
  if (ends.length > 0) expiry.set({ certificate: name }, Math.min(...ends));
}
