import { jest } from '@jest/globals';

// Time for real servers to answer on a busy machine; jest 30 takes `testTimeout` for all projects or none.
jest.setTimeout(60_000);
