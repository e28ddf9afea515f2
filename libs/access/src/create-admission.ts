import type { ServiceName } from '@governsai/contracts';
import { type ClientEnv, createAddressReader, type Logger, type SocketEnv } from '@governsai/service';
import type { Access } from './access.ts';
import { Admission } from './admission.ts';
import { ConnectionCaps, type SharedCounts } from './connection-caps.ts';
import type { TokenSource } from './rate-limiter.ts';
import { SocketAdmission } from './socket-admission.ts';

export interface CreateAdmissionOptions {
  service: ServiceName;
  /** `clientEnv` of the service. */
  config: ClientEnv;
  access: Pick<Access, 'verify' | 'report'>;
  /** The buckets that all replicas share: `RateBuckets` of `@governsai/db`. */
  tokens: TokenSource;
  log: Logger;
}

/** Makes the admission of a service from its environment. */
export function createAdmission({ config, ...rest }: CreateAdmissionOptions): Admission {
  return new Admission({
    ...rest,
    addressOf: createAddressReader(config.TRUSTED_PROXIES),
    limits: {
      key: { perSecond: config.RATE_LIMIT_KEY, burst: config.RATE_LIMIT_KEY_BURST },
      org: { perSecond: config.RATE_LIMIT_ORG, burst: config.RATE_LIMIT_ORG_BURST },
      address: { perSecond: config.RATE_LIMIT_ADDRESS, burst: config.RATE_LIMIT_ADDRESS_BURST },
    },
  });
}

export interface CreateSocketAdmissionOptions {
  /** `clientEnv` and `socketEnv` of the service. */
  config: ClientEnv & SocketEnv;
  admission: Admission;
  /** What all replicas share: `ConnectionCounts` of `@governsai/db`. */
  counts: SharedCounts;
  /** Names this replica, differently at each start. */
  replica: string;
  log: Logger;
}

/** Makes the admission of a service's sockets from its environment. */
export function createSocketAdmission(options: CreateSocketAdmissionOptions): SocketAdmission {
  const { config, admission, counts, replica, log } = options;
  const caps = {
    key: config.MAX_CONNECTIONS_KEY,
    org: config.MAX_CONNECTIONS_ORG,
    address: config.MAX_CONNECTIONS_ADDRESS,
  };
  return new SocketAdmission({
    admission,
    caps: new ConnectionCaps({ caps, shared: counts, replica, log }),
    addressOf: createAddressReader(config.TRUSTED_PROXIES),
    allowedOrigins: config.ALLOWED_ORIGINS,
  });
}
