-- Written by Prisma's schema engine from schema.prisma; by hand: NOT NULL of arrays, and all that follows the foreign keys.
-- The role of the services is no part of it: its name differs by installation. The migration runner creates it and grants.

-- CreateTable
CREATE TABLE "organizations" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "suspended_at" TIMESTAMPTZ(6),
    "keep_raw_text" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organizations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "password_hash" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memberships" (
    "org_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("org_id","user_id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "user_id" TEXT,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "scopes" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "cidrs" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "expires_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),
    "last_used_at" TIMESTAMPTZ(6),
    "created_by" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "policies" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "user_id" TEXT,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "rules" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "policies_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "org_chains" (
    "org_id" TEXT NOT NULL,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "head_hash" TEXT NOT NULL DEFAULT '0000000000000000000000000000000000000000000000000000000000000000',
    "published_seq" BIGINT NOT NULL DEFAULT 0,
    "first_seq" BIGINT NOT NULL DEFAULT 1,
    "policy_version" INTEGER NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "org_chains_pkey" PRIMARY KEY ("org_id")
);

-- CreateTable
CREATE TABLE "decisions" (
    "org_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "id" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "direction" TEXT NOT NULL,
    "decision" TEXT NOT NULL,
    "tool" TEXT,
    "correlation_id" TEXT,
    "tags" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "ts" TIMESTAMPTZ(6) NOT NULL,
    "recorded_at" TIMESTAMPTZ(6) NOT NULL,
    "record" TEXT NOT NULL,
    "prev_hash" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "person" JSONB,
    "person_salt" TEXT,

    CONSTRAINT "decisions_pkey" PRIMARY KEY ("org_id","seq")
);

-- CreateTable
CREATE TABLE "events" (
    "org_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "idempotency_key" TEXT NOT NULL,
    "schema" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "key_id" TEXT,
    "received_at" TIMESTAMPTZ(6) NOT NULL,
    "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "events_pkey" PRIMARY KEY ("org_id","id")
);

-- CreateTable
CREATE TABLE "budgets" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "limit_amount" DECIMAL(38,12) NOT NULL,
    "unit" TEXT NOT NULL,
    "currency" TEXT,
    "period" TEXT NOT NULL,
    "anchor" TIMESTAMPTZ(6),
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "hard" BOOLEAN NOT NULL,
    "scope" JSONB NOT NULL DEFAULT '{}',
    "thresholds" INTEGER[] NOT NULL DEFAULT ARRAY[50, 80, 95, 100]::INTEGER[],
    "from_seq" BIGINT NOT NULL DEFAULT 1,
    "version" INTEGER NOT NULL DEFAULT 1,
    "archived_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "budgets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget_states" (
    "budget_id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "committed" DECIMAL(38,12) NOT NULL DEFAULT 0,
    "held" DECIMAL(38,12) NOT NULL DEFAULT 0,
    "version" BIGINT NOT NULL DEFAULT 0,
    "period_start" TIMESTAMPTZ(6),
    "state" JSONB,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "budget_states_pkey" PRIMARY KEY ("budget_id")
);

-- CreateTable
CREATE TABLE "budget_ledger" (
    "id" BIGSERIAL NOT NULL,
    "org_id" TEXT NOT NULL,
    "budget_id" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "source_id" TEXT NOT NULL,
    "amount" DECIMAL(38,12) NOT NULL,
    "seq" BIGINT,
    "period_start" TIMESTAMPTZ(6),
    "occurred_at" TIMESTAMPTZ(6) NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "budget_ledger_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "tracker_cursors" (
    "org_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "tracker_cursors_pkey" PRIMARY KEY ("org_id")
);

-- CreateTable
CREATE TABLE "tracker_skipped" (
    "org_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,

    CONSTRAINT "tracker_skipped_pkey" PRIMARY KEY ("org_id","seq")
);

-- CreateTable
CREATE TABLE "usage_rollups" (
    "org_id" TEXT NOT NULL,
    "bucket" TIMESTAMPTZ(6) NOT NULL,
    "tool" TEXT NOT NULL DEFAULT '',
    "user_id" TEXT NOT NULL DEFAULT '',
    "key_id" TEXT NOT NULL DEFAULT '',
    "model" TEXT NOT NULL DEFAULT '',
    "decision" TEXT NOT NULL DEFAULT '',
    "currency" TEXT NOT NULL DEFAULT '',
    "calls" BIGINT NOT NULL DEFAULT 0,
    "cost" DECIMAL(38,12) NOT NULL DEFAULT 0,
    "input_tokens" BIGINT NOT NULL DEFAULT 0,
    "output_tokens" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "usage_rollups_pkey" PRIMARY KEY ("org_id","bucket","tool","user_id","key_id","model","decision","currency")
);

-- CreateTable
CREATE TABLE "notifications" (
    "org_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "read_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "notifications_pkey" PRIMARY KEY ("org_id","user_id","seq")
);

-- CreateTable
CREATE TABLE "notification_heads" (
    "org_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "notification_heads_pkey" PRIMARY KEY ("org_id","user_id")
);

-- CreateTable
CREATE TABLE "audit_logs" (
    "org_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "actor" JSONB NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT,
    "result" TEXT NOT NULL,
    "ip" TEXT,
    "detail" JSONB NOT NULL DEFAULT '{}',
    "at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "audit_logs_pkey" PRIMARY KEY ("org_id","id")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "service" TEXT NOT NULL,
    "topic" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "value" JSONB NOT NULL,
    "headers" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "access_state" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "version" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "access_state_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE INDEX "memberships_user_id_idx" ON "memberships"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys"("key_hash");

-- CreateIndex
CREATE INDEX "api_keys_org_id_created_at_id_idx" ON "api_keys"("org_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "policies_org_id_created_at_id_idx" ON "policies"("org_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "decisions_org_id_correlation_id_idx" ON "decisions"("org_id", "correlation_id") WHERE (correlation_id IS NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "decisions_org_id_id_key" ON "decisions"("org_id", "id");

-- CreateIndex
CREATE INDEX "budgets_org_id_created_at_id_idx" ON "budgets"("org_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "budget_states_org_id_idx" ON "budget_states"("org_id");

-- CreateIndex
CREATE INDEX "budget_ledger_org_id_seq_idx" ON "budget_ledger"("org_id", "seq");

-- CreateIndex
CREATE UNIQUE INDEX "budget_ledger_budget_id_source_source_id_key" ON "budget_ledger"("budget_id", "source", "source_id");

-- CreateIndex
CREATE UNIQUE INDEX "notifications_id_key" ON "notifications"("id");

-- CreateIndex
CREATE INDEX "audit_logs_org_id_at_id_idx" ON "audit_logs"("org_id", "at", "id");

-- CreateIndex
CREATE INDEX "outbox_service_id_idx" ON "outbox"("service", "id");

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "policies" ADD CONSTRAINT "policies_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "org_chains" ADD CONSTRAINT "org_chains_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget_states" ADD CONSTRAINT "budget_states_budget_id_fkey" FOREIGN KEY ("budget_id") REFERENCES "budgets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What the application checks too, but what must hold whoever writes.
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_id_is_slug" CHECK ("id" ~ '^[a-z0-9][a-z0-9-]{0,62}$');
ALTER TABLE "org_chains" ADD CONSTRAINT "org_chains_published_is_stored" CHECK ("published_seq" BETWEEN 0 AND "last_seq");
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_seq_is_positive" CHECK ("seq" > 0);
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_limit_is_not_negative" CHECK ("limit_amount" >= 0);
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_currency_goes_with_unit" CHECK (("unit" = 'currency') = ("currency" IS NOT NULL));
ALTER TABLE "access_state" ADD CONSTRAINT "access_state_is_one_row" CHECK ("id" = 1);

INSERT INTO "access_state" ("id", "version") VALUES (1, 0);

-- Rows that are updated all the time: room in the page, so that an update needs no new index entry (HOT). For the same reason
-- no index on "org_chains" names its sequence numbers.
ALTER TABLE "org_chains" SET (fillfactor = 50);
ALTER TABLE "budget_states" SET (fillfactor = 50);
ALTER TABLE "tracker_cursors" SET (fillfactor = 50);
ALTER TABLE "notification_heads" SET (fillfactor = 50);
ALTER TABLE "access_state" SET (fillfactor = 50);
-- A queue is nearly empty, so a share of its rows says nothing about how many dead ones there are.
ALTER TABLE "outbox" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The second wall between tenants (G6): a transaction sees and writes only rows of the orgs it named in app.org_ids.
-- Unset or empty it names none. The sub-select makes PostgreSQL read the setting once a statement instead of once a row.
-- The owner of the tables is not bound (no FORCE): migrations and the functions below look across orgs.
DO $$
DECLARE
  tenant_table text;
  scope constant text := $scope$ANY ((SELECT string_to_array(current_setting('app.org_ids', true), ','))::text[])$scope$;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY[
    'memberships', 'api_keys', 'policies', 'org_chains', 'decisions', 'events', 'budgets', 'budget_states', 'budget_ledger',
    'tracker_cursors', 'tracker_skipped', 'usage_rollups', 'notifications', 'notification_heads', 'audit_logs'
  ] LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY tenant ON public.%I USING (org_id = %s) WITH CHECK (org_id = %s)', tenant_table, scope, scope);
  END LOOP;
  EXECUTE 'ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY';
  EXECUTE format('CREATE POLICY tenant ON public.organizations USING (id = %s) WITH CHECK (id = %s)', scope, scope);
END
$$;

-- What must look across orgs does so through these functions alone. Each runs as the owner, so its search_path is fixed and
-- nobody may call it but whom the migration runner grants it to.

-- The API key with this SHA-256 (hex), with the state of its org. No row: no such key. Whether it may still be used is for
-- the caller to judge, who can then say why not.
CREATE FUNCTION public.find_api_key(p_key_hash text)
  RETURNS TABLE (
    id text, org_id text, user_id text, name text, scopes text[], cidrs text[],
    expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz, suspended_at timestamptz
  )
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT k.id, k.org_id, k.user_id, k.name, k.scopes, k.cidrs, k.expires_at, k.revoked_at, k.last_used_at, o.suspended_at
    FROM public.api_keys k JOIN public.organizations o ON o.id = k.org_id
    WHERE k.key_hash = p_key_hash
  $$;
REVOKE ALL ON FUNCTION public.find_api_key(text) FROM PUBLIC;

-- Orgs whose stored decisions are not all published, the longest untouched first.
CREATE FUNCTION public.orgs_to_publish(p_limit integer)
  RETURNS TABLE (org_id text, published_seq bigint, last_seq bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT c.org_id, c.published_seq, c.last_seq
    FROM public.org_chains c
    WHERE c.published_seq < c.last_seq
    ORDER BY c.updated_at, c.org_id
    LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.orgs_to_publish(integer) FROM PUBLIC;

-- PostgreSQL 14 and older let everybody create objects here, which could then stand in for ours.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
