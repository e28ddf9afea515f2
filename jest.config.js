import { existsSync } from 'node:fs';

const rootDir = import.meta.dirname;
const folders = ['libs', 'services', 'tests', 'tools', 'bench'].filter((folder) => existsSync(`${rootDir}/${folder}`));

/** What every project shares. Libraries are taken from their sources, so that no test needs a build. */
const project = {
  rootDir,
  roots: folders.map((folder) => `<rootDir>/${folder}`),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  moduleNameMapper: {
    '^@governsai/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^@governsai/([^/]+)/([^/]+)$': '<rootDir>/libs/$1/src/$2.ts',
  },
  modulePathIgnorePatterns: ['/dist/'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};

const testTimeout = '<rootDir>/tests/setup/test-timeout.js';

/** @type {import('jest').Config} */
export default {
  rootDir,
  // Two cores are what CI has; more workers only fight for them.
  maxWorkers: 2,
  watchman: false,
  reporters: ['default', '<rootDir>/tests/setup/summary-reporter.js'],
  projects: [
    {
      ...project,
      displayName: 'unit',
      testMatch: ['**/*.test.ts'],
      setupFilesAfterEnv: [testTimeout],
      testPathIgnorePatterns: [...project.testPathIgnorePatterns, '\\.(int|e2e)\\.test\\.ts$'],
    },
    {
      ...project,
      displayName: 'int',
      testMatch: ['**/*.int.test.ts'],
      setupFilesAfterEnv: [testTimeout],
      globalSetup: '<rootDir>/tests/setup/servers.ts',
      globalTeardown: '<rootDir>/tests/setup/stop-servers.ts',
    },
    {
      ...project,
      displayName: 'e2e',
      testMatch: ['<rootDir>/tests/**/*.e2e.test.ts', '<rootDir>/bench/**/*.e2e.test.ts'],
      setupFilesAfterEnv: [testTimeout],
    },
  ],
};
