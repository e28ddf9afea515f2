import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigError, loadConfig, secret } from './config.ts';
import { accessEnv, baseEnv, databaseEnv, kafkaEnv } from './environment.ts';

const schema = baseEnv.extend(databaseEnv.shape).extend(kafkaEnv.shape).extend(accessEnv.shape);
const good = {
  PORT: '3001',
  INTERNAL_TOKEN: 'sixteen-characters',
  DATABASE_URL: 'postgres://app:hunter2@localhost:5432/governsai',
  KAFKA_BROKERS: 'a:9092, b:9092',
  AUTH_URL: 'http://localhost:3001',
};

function problemsOf(env: Record<string, string>): Record<string, string> {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.problems.map(({ variable, message }) => [variable, message]));
    }
    throw error;
  }
  return {};
}

function fileWith(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'config-')), 'value');
  writeFileSync(path, content);
  return path;
}

describe('the configuration', () => {
  it('is read from the environment, with defaults for the rest', () => {
    expect(loadConfig(schema, good)).toEqual({
      NODE_ENV: 'development',
      LOG_LEVEL: 'info',
      METRICS_TOP_ORGS: 0,
      HOST: '127.0.0.1',
      PORT: 3001,
      HEALTH_CHECK_INTERVAL: 5000,
      DRAIN_SECONDS: 10,
      INTERNAL_TOKEN: 'sixteen-characters',
      DATABASE_URL: good.DATABASE_URL,
      DATABASE_POOL_SIZE: 10,
      KAFKA_BROKERS: ['a:9092', 'b:9092'],
      KAFKA_TOPIC_PREFIX: '',
      KAFKA_TLS: false,
      AUTH_URL: 'http://localhost:3001',
      ACCESS_STALENESS: 10_000,
    });
  });

  it('names every variable that is missing or wrong at once, with what it should be', () => {
    const problems = problemsOf({ ...good, PORT: '70000', KAFKA_BROKERS: 'a', AUTH_URL: '', LOG_LEVEL: 'loud' });
    expect(Object.keys(problems).sort()).toEqual(['AUTH_URL', 'KAFKA_BROKERS', 'LOG_LEVEL', 'PORT']);
    expect(problems.PORT).toContain('"70000"');
    expect(problems.PORT).toContain('0 to 65535');
    expect(problems.AUTH_URL).toContain('is not set');
    expect(problems.KAFKA_BROKERS).toContain('host:port');
  });

  it('G12: never tells the value of a secret, nor of what sounds like one', () => {
    const careless = z.object({ SIGNING_SECRET: z.string().min(99), marked: secret(z.string().min(99)) });
    const env = { SIGNING_SECRET: 'hunter2', marked: 'hunter2' };
    expect(() => loadConfig(careless, env)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
    expect(
      JSON.stringify(problemsOf({ ...good, INTERNAL_TOKEN: 'hunter2', DATABASE_URL: 'mysql://u:hunter2@h/d' })),
    ).not.toContain('hunter2');
  });

  it('takes a value from the file that NAME_FILE names, without its line end', () => {
    const { INTERNAL_TOKEN, ...rest } = good;
    expect(loadConfig(schema, { ...rest, INTERNAL_TOKEN_FILE: fileWith(`${INTERNAL_TOKEN}\n`) }).INTERNAL_TOKEN).toBe(
      INTERNAL_TOKEN,
    );
  });

  it('refuses a file that cannot be read, and a value given both ways', () => {
    const { INTERNAL_TOKEN: _, ...rest } = good;
    expect(problemsOf({ ...rest, INTERNAL_TOKEN_FILE: '/nonexistent/token' })).toEqual({
      INTERNAL_TOKEN: expect.stringContaining('/nonexistent/token'),
    });
    expect(problemsOf({ ...good, INTERNAL_TOKEN_FILE: fileWith('another-long-token') })).toEqual({
      INTERNAL_TOKEN: expect.stringContaining('only one'),
    });
  });

  it('describes every variable', () => {
    for (const [name, field] of Object.entries(schema.shape))
      expect([name, field.description]).toEqual([name, expect.any(String)]);
  });
});
