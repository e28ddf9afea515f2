import { deadLetterTopic, SERVICES, type ServiceName, TOPIC_NAMES, TOPICS, type TopicName } from '@governsai/contracts';
import { type WantedTopic, wantedTopics } from '@governsai/kafka';
import { type EdgePath, edgePaths } from './edge-paths.ts';

/** A right at Kafka on one topic, by its name without the prefix. */
interface TopicRight {
  topic: string;
  operations: ('Describe' | 'DescribeConfigs' | 'Read' | 'Write')[];
}

/** What the chart's templates need of the contracts. */
export interface ContractFacts {
  edge: EdgePath[];
  topics: WantedTopic[];
  /** The rights each service and the admin command need on topics. Their consumer groups begin with their own names. */
  rights: Record<ServiceName | 'admin', TopicRight[]>;
  /** Groups of services that the admin command moves back. */
  rewound: ServiceName[];
}

export function contractFacts(): ContractFacts {
  const rights = SERVICES.map((service) => [service, topicRights(service)] as const);
  return {
    edge: edgePaths(),
    topics: wantedTopics(''),
    rights: { ...(Object.fromEntries(rights) as Record<ServiceName, TopicRight[]>), admin: adminRights() },
    rewound: Object.values(REWOUND),
  };
}

/** Each service may see all topics (it checks at its start that they are there) and use only its own. */
function topicRights(service: ServiceName): TopicRight[] {
  return TOPIC_NAMES.flatMap((name: TopicName) => {
    const { readers, writers }: { readers: readonly ServiceName[]; writers: readonly ServiceName[] } = TOPICS[name];
    const reads = readers.includes(service);
    const own: TopicRight = { topic: name, operations: ['Describe'] };
    if (reads) own.operations.push('Read');
    if (writers.includes(service)) own.operations.push('Write');
    const dead: TopicRight = { topic: deadLetterTopic(name), operations: ['Describe'] };
    if (reads) dead.operations.push('Write');
    return [own, dead];
  });
}

/** Topics that the admin command makes services read again (`rewind`), by the service whose group that is. */
const REWOUND: Partial<Record<TopicName, ServiceName>> = {
  'decisions.submitted': 'decision-writer',
  'audit.recorded': 'auth',
};

/** The admin command lists dead letters, sends them back to where they came from, and moves groups back. */
function adminRights(): TopicRight[] {
  return TOPIC_NAMES.flatMap((name: TopicName): TopicRight[] => [
    {
      topic: name,
      operations: ['Describe', 'Write', ...(REWOUND[name] ? (['Read', 'DescribeConfigs'] as const) : [])],
    },
    { topic: deadLetterTopic(name), operations: ['Describe', 'Read'] },
  ]);
}
