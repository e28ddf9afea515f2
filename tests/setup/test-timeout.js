import { jest } from '@jest/globals';

// Time for real servers to answer, and for properties to be tried often, on a busy machine: speed is measured in
// benchmarks, never asserted here. Jest 30 takes `testTimeout` for all projects or none.
jest.setTimeout(60_000);
