import { deadLetterTopic, SERVICES, type ServiceName, TOPIC_NAMES, TOPICS } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { contractFacts } from './contract-facts.ts';

const facts = contractFacts();
const may = (service: ServiceName, topic: string) =>
  facts.rights[service].find((right) => right.topic === topic)?.operations;

describe("the services' rights at Kafka", () => {
  it.each(TOPIC_NAMES)('G6: on %s only its writers write and only its readers read', (topic) => {
    const { writers, readers }: { writers: readonly string[]; readers: readonly string[] } = TOPICS[topic];
    for (const service of SERVICES) {
      const operations = may(service, topic) ?? [];
      expect([service, operations.includes('Write')]).toEqual([service, writers.includes(service)]);
      expect([service, operations.includes('Read')]).toEqual([service, readers.includes(service)]);
    }
  });

  it.each(TOPIC_NAMES)('let exactly the readers of %s give up on a message', (topic) => {
    const { readers }: { readers: readonly string[] } = TOPICS[topic];
    for (const service of SERVICES) {
      const operations = may(service, deadLetterTopic(topic)) ?? [];
      expect([service, operations]).toEqual([
        service,
        readers.includes(service) ? ['Describe', 'Write'] : ['Describe'],
      ]);
    }
  });

  it.each(TOPIC_NAMES)(
    'let the admin command send dead letters back to %s, and read only what is to be read again',
    (topic) => {
      const operations = (name: string) => facts.rights.admin.find((right) => right.topic === name)?.operations;
      const again = ['decisions.submitted', 'audit.recorded'].includes(topic) ? ['Read', 'DescribeConfigs'] : [];
      expect(operations(topic)).toEqual(['Describe', 'Write', ...again]);
      expect(operations(deadLetterTopic(topic))).toEqual(['Describe', 'Read']);
    },
  );

  it('let every service see that all topics are there', () => {
    const names = facts.topics.map(({ name }) => name);
    for (const service of SERVICES) expect(facts.rights[service].map(({ topic }) => topic)).toEqual(names);
  });
});
