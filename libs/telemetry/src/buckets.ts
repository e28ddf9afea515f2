/**
 * Buckets of every duration, in seconds: the powers of two from about 1 ms to 64 s. They are boundaries of Prometheus'
 * native histograms of every schema, so a scrape that converts them loses nothing, and the same everywhere, so that
 * histograms can be added up.
 */
export const LATENCY_BUCKETS: readonly number[] = Array.from({ length: 17 }, (_, i) => 2 ** (i - 10));

/** Buckets of every count of things in one batch: powers of two from 1 to 4,096. */
export const SIZE_BUCKETS: readonly number[] = Array.from({ length: 13 }, (_, i) => 2 ** i);
