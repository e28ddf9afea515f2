import { SERVICES, type ServiceName } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { type StackFacts, serviceEnvironment } from './services.ts';

const facts: StackFacts = {
  secrets: { internalToken: 'internal-token-of-the-test', jwtSecret: 'jwt-secret', checkpointKey: 'pem' },
  databaseUrl: 'postgresql://app@127.0.0.1:5432/governsai',
  kafkaBrokers: ['127.0.0.1:9092', '127.0.0.1:9192'],
  topicPrefix: 'dev.',
  urls: Object.fromEntries(SERVICES.map((name, i) => [name, `http://127.0.0.1:${3001 + i}`])) as Record<
    ServiceName,
    string
  >,
};

describe('the environment of a service', () => {
  it.each(SERVICES)('%s gets what all have in common', (name) => {
    expect(serviceEnvironment(name, 4000, facts)).toMatchObject({
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: '4000',
      INTERNAL_TOKEN: 'internal-token-of-the-test',
      DATABASE_URL: facts.databaseUrl,
      KAFKA_BROKERS: '127.0.0.1:9092,127.0.0.1:9192',
      KAFKA_TOPIC_PREFIX: 'dev.',
    });
  });

  it('gives the secret of tokens to auth alone', () => {
    const holders = SERVICES.filter((name) => 'JWT_SECRET' in serviceEnvironment(name, 4000, facts));
    expect(holders).toEqual(['auth']);
  });

  it('says where the others are to those that ask them', () => {
    expect(serviceEnvironment('push-gateway', 4000, facts)).toMatchObject({
      AUTH_URL: facts.urls.auth,
      INGEST_URL: facts.urls['ingest-gateway'],
      BUDGETS_URL: facts.urls['budget-tracker'],
    });
  });

  it('passes on what a developer exported for the services, and nothing else of the shell', () => {
    process.env.MAX_TAGS = '3';
    process.env.DATABASE_URL_FILE = '/etc/other';
    try {
      const environment = serviceEnvironment('ingest-gateway', 4000, facts);
      expect(environment.MAX_TAGS).toBe('3');
      expect(environment).not.toHaveProperty('DATABASE_URL_FILE');
      expect(serviceEnvironment('ingest-gateway', 4000, facts, { MAX_TAGS: '5' }).MAX_TAGS).toBe('5');
    } finally {
      delete process.env.MAX_TAGS;
      delete process.env.DATABASE_URL_FILE;
    }
  });
});
