import { AppError, type Channel, channelName, type Principal, type Scope } from '@governsai/contracts';

/** Throws FORBIDDEN unless the principal belongs to the org and holds the scope. The one place that decides. */
export function authorize(principal: Principal, orgId: string, scope: Scope): void {
  if (principal.orgId !== orgId) {
    throw new AppError('FORBIDDEN', 'the credential belongs to another org: use one of the org that is named');
  }
  if (!principal.scopes.includes(scope)) {
    throw new AppError('FORBIDDEN', `the credential lacks the scope ${scope}: use one that has it`);
  }
}

/** The scope that each kind of channel needs. */
export const CHANNEL_SCOPES = {
  decisions: 'decisions:read',
  toolDecisions: 'decisions:read',
  budget: 'budget:read',
  notifications: 'notifications:read',
} as const satisfies Record<Channel['kind'], Scope>;

/** Throws FORBIDDEN, with the channel, unless the principal may subscribe to it. */
export function canSubscribe(principal: Principal, channel: Channel): void {
  const name = channelName(channel);
  try {
    authorize(
      principal,
      channel.kind === 'notifications' ? principal.orgId : channel.orgId,
      CHANNEL_SCOPES[channel.kind],
    );
  } catch (error) {
    if (error instanceof AppError) throw new AppError(error.code, error.message, { channel: name });
    throw error;
  }
  if (channel.kind === 'notifications' && principal.userId !== channel.userId) {
    throw new AppError('FORBIDDEN', "a credential reads its own user's notifications only: name its own userId", {
      channel: name,
    });
  }
}
