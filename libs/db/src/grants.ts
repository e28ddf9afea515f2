/**
 * What the services' role may do with each table, the least they need. What happened stays: decisions, the ledger, events and
 * the audit log are only ever added to; of a decision only what is known of the person may change, to be erased (G12).
 * A table that is missing here is out of reach for the services.
 */
const TABLES: Readonly<Record<string, string>> = {
  organizations: 'SELECT, INSERT, UPDATE',
  users: 'SELECT, INSERT, UPDATE',
  memberships: 'SELECT, INSERT, UPDATE, DELETE',
  api_keys: 'SELECT, INSERT, UPDATE',
  policies: 'SELECT, INSERT, UPDATE, DELETE',
  org_chains: 'SELECT, INSERT, UPDATE',
  decisions: 'SELECT, INSERT, UPDATE (person, person_salt, body_hash)',
  checkpoints: 'SELECT, INSERT',
  pruned_decisions: 'SELECT',
  events: 'SELECT, INSERT',
  budgets: 'SELECT, INSERT, UPDATE',
  budget_states: 'SELECT, INSERT, UPDATE',
  budget_versions: 'SELECT, INSERT',
  budget_heads: 'SELECT, INSERT, UPDATE',
  budget_periods: 'SELECT, INSERT, UPDATE',
  budget_ledger: 'SELECT, INSERT',
  budget_alerts: 'SELECT, INSERT',
  budget_overruns: 'SELECT, INSERT',
  holds: 'SELECT, INSERT, UPDATE',
  model_prices: 'SELECT, INSERT',
  tracker_cursors: 'SELECT, INSERT, UPDATE',
  tracker_skipped: 'SELECT, INSERT, DELETE',
  usage_rollups: 'SELECT, INSERT, UPDATE',
  usage_tag_rollups: 'SELECT, INSERT, UPDATE',
  webhooks: 'SELECT, INSERT, UPDATE, DELETE',
  webhook_secrets: 'SELECT, INSERT, UPDATE, DELETE',
  webhook_deliveries: 'SELECT, INSERT, UPDATE, DELETE',
  webhook_attempts: 'SELECT, INSERT, DELETE',
  notifications: 'SELECT, INSERT, UPDATE',
  notification_heads: 'SELECT, INSERT, UPDATE',
  audit_logs: 'SELECT, INSERT',
  audit_chains: 'SELECT, INSERT, UPDATE',
  key_usage: 'SELECT, INSERT, UPDATE',
  invitations: 'SELECT, INSERT, UPDATE',
  sessions: 'SELECT, INSERT, UPDATE',
  refresh_tokens: 'SELECT, INSERT, UPDATE',
  connection_tickets: 'SELECT, INSERT, UPDATE',
  raw_texts: 'SELECT, INSERT, DELETE',
  rate_buckets: 'SELECT, INSERT, UPDATE',
  connection_counts: 'SELECT, INSERT, UPDATE, DELETE',
  push_replicas: 'SELECT, INSERT, UPDATE, DELETE',
  outbox: 'SELECT, INSERT, DELETE',
  access_state: 'SELECT, UPDATE',
};

const FUNCTIONS = [
  'find_api_key(text)',
  'identify_api_key(text)',
  'orgs_of_user(text)',
  'has_organizations()',
  'sweep_identity()',
  'prune_audit_logs(timestamptz, integer)',
  'keys_expiring(interval)',
  'keys_in_use(interval)',
  'stored_bodies(text[], text[])',
  'orgs_to_publish(integer)',
  'orgs_to_checkpoint(text, integer)',
  'orgs_to_prune(integer)',
  'prune_decisions(text, integer)',
  'budgets_to_open(integer)',
  'budgets_to_roll(integer)',
  'holds_to_expire(integer)',
  'budget_deadlines()',
  'webhooks_to_send(integer)',
  'prune_usage(timestamptz, integer)',
  'prune_holds(timestamptz, integer)',
  'prune_webhook_log(timestamptz, integer)',
  'prune_notifications(timestamptz, bigint, integer)',
  'check_budgets()',
];

/**
 * SQL that gives a role exactly these rights and takes away all others it has on our objects; the same whenever it runs.
 * `role` and `database` are quoted identifiers.
 */
export function grantStatements(role: string, database: string): string {
  return [
    'BEGIN',
    `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role}`,
    `REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM ${role}`,
    `REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM ${role}`,
    `GRANT CONNECT ON DATABASE ${database} TO ${role}`,
    `GRANT USAGE ON SCHEMA public TO ${role}`,
    ...Object.entries(TABLES).map(([table, rights]) => `GRANT ${rights} ON public.${table} TO ${role}`),
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
    ...FUNCTIONS.map((signature) => `GRANT EXECUTE ON FUNCTION public.${signature} TO ${role}`),
    'COMMIT',
  ].join(';\n');
}
