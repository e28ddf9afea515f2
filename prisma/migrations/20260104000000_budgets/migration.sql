-- Budgets in full: versions, periods, holds, prices, usage by tag, and webhooks.

-- What a budget can be, and which decisions its present version counts. Earlier versions are kept beside it.
ALTER TABLE public.budgets
  ADD COLUMN carry_over boolean NOT NULL DEFAULT false,
  ADD COLUMN forecast boolean NOT NULL DEFAULT true,
  ADD COLUMN starts_at timestamptz(6),
  ADD COLUMN ends_at timestamptz(6),
  ADD COLUMN version_seq bigint NOT NULL DEFAULT 1,
  ADD COLUMN changed_by text,
  ADD COLUMN archived_seq bigint,
  ADD CONSTRAINT budgets_end_after_start CHECK (ends_at > starts_at),
  ADD CONSTRAINT budgets_archived_at_a_seq CHECK ((archived_at IS NULL) = (archived_seq IS NULL));
UPDATE public.budgets SET version_seq = from_seq;

CREATE TABLE public.budget_versions (
  budget_id text NOT NULL,
  version integer NOT NULL,
  org_id text NOT NULL,
  name text NOT NULL,
  limit_amount numeric(38,12) NOT NULL,
  hard boolean NOT NULL,
  scope jsonb NOT NULL,
  thresholds integer[] NOT NULL,
  carry_over boolean NOT NULL,
  forecast boolean NOT NULL,
  starts_at timestamptz(6),
  ends_at timestamptz(6),
  from_seq bigint NOT NULL,
  until_seq bigint NOT NULL,
  changed_by text,
  created_at timestamptz(6) NOT NULL,
  superseded_at timestamptz(6) NOT NULL,
  PRIMARY KEY (budget_id, version)
);
CREATE INDEX budget_versions_org_id_until_seq_idx ON public.budget_versions (org_id, until_seq);

CREATE TABLE public.budget_heads (
  org_id text NOT NULL PRIMARY KEY,
  version bigint NOT NULL DEFAULT 0
);
ALTER TABLE public.budget_heads SET (fillfactor = 50);
INSERT INTO public.budget_heads (org_id, version) SELECT DISTINCT org_id, 1 FROM public.budgets;

-- Whoever remembers an org's budgets compares this number, so it grows whoever writes.
CREATE FUNCTION public.budgets_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    INSERT INTO public.budget_heads AS h (org_id, version) VALUES (NEW.org_id, 1)
      ON CONFLICT (org_id) DO UPDATE SET version = h.version + 1;
    RETURN NULL;
  END
  $$;
CREATE TRIGGER budgets_changed AFTER INSERT OR UPDATE ON public.budgets
  FOR EACH ROW EXECUTE FUNCTION public.budgets_changed();

-- The current period is in budget_states, the others are here.
CREATE TABLE public.budget_periods (
  budget_id text NOT NULL,
  period_start timestamptz(6) NOT NULL,
  org_id text NOT NULL,
  period_end timestamptz(6) NOT NULL,
  limit_amount numeric(38,12) NOT NULL,
  carried numeric(38,12) NOT NULL DEFAULT 0,
  committed numeric(38,12) NOT NULL DEFAULT 0,
  PRIMARY KEY (budget_id, period_start),
  CONSTRAINT budget_periods_end_after_start CHECK (period_end > period_start)
);

ALTER TABLE public.budget_states
  ADD COLUMN carried numeric(38,12) NOT NULL DEFAULT 0,
  ADD COLUMN period_end timestamptz(6),
  ADD COLUMN budget_version integer NOT NULL DEFAULT 1,
  ADD CONSTRAINT budget_states_held_is_not_negative CHECK (held >= 0);
CREATE INDEX budget_states_period_end_idx ON public.budget_states (period_end);

ALTER TABLE public.budget_ledger
  ADD COLUMN budget_version integer NOT NULL DEFAULT 1,
  ADD COLUMN price_id bigint,
  ADD COLUMN hold_id text;
CREATE INDEX budget_ledger_budget_id_id_idx ON public.budget_ledger (budget_id, id);

-- Until now periods were those of UTC, and only the latest had a sum.
INSERT INTO public.budget_periods (budget_id, period_start, org_id, period_end, limit_amount, committed)
  SELECT l.budget_id, l.period_start, l.org_id,
    (l.period_start AT TIME ZONE 'UTC' + ('1 ' || b.period)::interval) AT TIME ZONE 'UTC', b.limit_amount, sum(l.amount)
  FROM public.budget_ledger l JOIN public.budgets b ON b.id = l.budget_id
  WHERE l.period_start IS NOT NULL
  GROUP BY l.budget_id, l.period_start, l.org_id, b.period, b.limit_amount;
-- Without this value a state is opened again, with the end of its period.
UPDATE public.budget_states s SET state = NULL FROM public.budgets b WHERE b.id = s.budget_id AND b.period <> 'total';

CREATE TABLE public.budget_alerts (
  budget_id text NOT NULL,
  alert text NOT NULL,
  period_start timestamptz(6) NOT NULL,
  org_id text NOT NULL,
  raised_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (budget_id, alert, period_start)
);

CREATE TABLE public.budget_overruns (
  budget_id text NOT NULL,
  source text NOT NULL,
  source_id text NOT NULL,
  org_id text NOT NULL,
  amount numeric(38,12) NOT NULL,
  period_start timestamptz(6),
  occurred_at timestamptz(6) NOT NULL,
  PRIMARY KEY (budget_id, source, source_id)
);

CREATE TABLE public.holds (
  id text NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  idempotency_key text NOT NULL,
  request_hash text NOT NULL,
  status text NOT NULL CHECK (status IN ('refused', 'open', 'settled', 'released', 'expired')),
  amount numeric(38,12) NOT NULL CHECK (amount >= 0),
  currency text,
  tokens bigint NOT NULL CHECK (tokens >= 0),
  user_id text,
  key_id text,
  tool text,
  tags text[] NOT NULL DEFAULT ARRAY[]::text[],
  correlation_id text,
  answer jsonb NOT NULL,
  budget_ids text[] NOT NULL,
  held numeric(38,12)[] NOT NULL,
  booked numeric(38,12)[] NOT NULL DEFAULT ARRAY[]::numeric(38,12)[],
  booked_periods timestamptz(6)[] NOT NULL DEFAULT ARRAY[]::timestamptz(6)[],
  settled_amount numeric(38,12),
  settled_tokens bigint,
  decision_id text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(6) NOT NULL,
  closed_at timestamptz(6),
  CONSTRAINT holds_lines_match CHECK (
    cardinality(held) = cardinality(budget_ids)
    AND cardinality(booked) IN (0, cardinality(budget_ids)) AND cardinality(booked_periods) = cardinality(booked)),
  CONSTRAINT holds_closed_at_a_time CHECK ((status IN ('refused', 'open')) = (closed_at IS NULL))
);
CREATE UNIQUE INDEX holds_org_id_idempotency_key_key ON public.holds (org_id, idempotency_key);
CREATE INDEX holds_org_id_created_at_id_idx ON public.holds (org_id, created_at, id);
CREATE INDEX holds_expires_at_idx ON public.holds (expires_at) WHERE (status = 'open');
CREATE INDEX holds_org_id_correlation_id_idx ON public.holds (org_id, correlation_id)
  WHERE (correlation_id IS NOT NULL AND decision_id IS NULL);

CREATE TABLE public.model_prices (
  id bigserial NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  provider text NOT NULL DEFAULT '',
  model text NOT NULL,
  currency text NOT NULL,
  input_price numeric(38,12) NOT NULL CHECK (input_price >= 0),
  output_price numeric(38,12) NOT NULL CHECK (output_price >= 0),
  effective_from timestamptz(6) NOT NULL,
  effective_to timestamptz(6),
  created_by text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT model_prices_end_after_start CHECK (effective_to > effective_from)
);
CREATE INDEX model_prices_org_id_model_effective_from_idx ON public.model_prices (org_id, model, effective_from);

CREATE INDEX usage_rollups_bucket_idx ON public.usage_rollups (bucket);
CREATE TABLE public.usage_tag_rollups (
  org_id text NOT NULL,
  bucket timestamptz(6) NOT NULL,
  tag text NOT NULL,
  currency text NOT NULL DEFAULT '',
  calls bigint NOT NULL DEFAULT 0,
  cost numeric(38,12) NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, bucket, tag, currency)
);
CREATE INDEX usage_tag_rollups_bucket_idx ON public.usage_tag_rollups (bucket);

CREATE TABLE public.webhooks (
  id text NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  url text NOT NULL,
  format text NOT NULL CHECK (format IN ('standard', 'slack')),
  kinds text[] NOT NULL DEFAULT ARRAY[]::text[],
  disabled_because text,
  created_by text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX webhooks_org_id_created_at_id_idx ON public.webhooks (org_id, created_at, id);

CREATE TABLE public.webhook_secrets (
  id bigserial NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  webhook_id text NOT NULL,
  secret text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(6)
);
CREATE INDEX webhook_secrets_webhook_id_idx ON public.webhook_secrets (webhook_id);

CREATE TABLE public.webhook_deliveries (
  id bigserial NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  webhook_id text NOT NULL,
  message_id text NOT NULL,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz(6) DEFAULT CURRENT_TIMESTAMP,
  last_status integer,
  last_error text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  delivered_at timestamptz(6)
);
CREATE UNIQUE INDEX webhook_deliveries_webhook_id_message_id_key ON public.webhook_deliveries (webhook_id, message_id);
CREATE INDEX webhook_deliveries_webhook_id_id_idx ON public.webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_next_attempt_at_idx ON public.webhook_deliveries (next_attempt_at) WHERE (status = 'pending');

CREATE TABLE public.webhook_attempts (
  id bigserial NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  delivery_id bigint NOT NULL,
  at timestamptz(6) NOT NULL,
  took integer NOT NULL,
  status integer,
  error text
);
CREATE INDEX webhook_attempts_delivery_id_id_idx ON public.webhook_attempts (delivery_id, id);

-- The second wall between tenants (G6), as for the tables before.
DO $$
DECLARE
  tenant_table text;
  scope constant text := $scope$ANY ((SELECT string_to_array(current_setting('app.org_ids', true), ','))::text[])$scope$;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY[
    'budget_versions', 'budget_heads', 'budget_periods', 'budget_alerts', 'budget_overruns', 'holds', 'model_prices',
    'usage_tag_rollups', 'webhooks', 'webhook_secrets', 'webhook_deliveries', 'webhook_attempts'
  ] LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY tenant ON public.%I USING (org_id = %s) WITH CHECK (org_id = %s)', tenant_table, scope, scope);
  END LOOP;
END
$$;

-- Look-ups across orgs: each says where there is something to do; doing it is for a transaction of that org.

-- Budgets that nobody opened a state of: those that were inserted by hand.
CREATE FUNCTION public.budgets_to_open(p_limit integer) RETURNS TABLE (org_id text, budget_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT b.org_id, b.id FROM public.budgets b LEFT JOIN public.budget_states s ON s.budget_id = b.id
    WHERE b.archived_at IS NULL AND s.state IS NULL ORDER BY b.id LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.budgets_to_open(integer) FROM PUBLIC;

-- Budgets whose period is over.
CREATE FUNCTION public.budgets_to_roll(p_limit integer) RETURNS TABLE (org_id text, budget_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT s.org_id, s.budget_id FROM public.budget_states s
    WHERE s.period_end <= clock_timestamp() ORDER BY s.period_end LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.budgets_to_roll(integer) FROM PUBLIC;

-- Open holds whose time is over, the longest first.
CREATE FUNCTION public.holds_to_expire(p_limit integer) RETURNS TABLE (org_id text, hold_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT h.org_id, h.id FROM public.holds h
    WHERE h.status = 'open' AND h.expires_at <= clock_timestamp() ORDER BY h.expires_at LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.holds_to_expire(integer) FROM PUBLIC;

-- Milliseconds until the next period ends and the next hold expires; null: there is none.
CREATE FUNCTION public.budget_deadlines(OUT period_ms double precision, OUT hold_ms double precision)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT extract(epoch FROM (SELECT min(period_end) FROM public.budget_states) - clock_timestamp()) * 1000,
      extract(epoch FROM (SELECT min(expires_at) FROM public.holds WHERE status = 'open') - clock_timestamp()) * 1000
  $$;
REVOKE ALL ON FUNCTION public.budget_deadlines() FROM PUBLIC;

-- Deliveries whose time has come.
CREATE FUNCTION public.webhooks_to_send(p_limit integer) RETURNS TABLE (org_id text, delivery_id bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT d.org_id, d.id FROM public.webhook_deliveries d
    WHERE d.status = 'pending' AND d.next_attempt_at <= clock_timestamp() ORDER BY d.next_attempt_at LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.webhooks_to_send(integer) FROM PUBLIC;

-- Deletes rollups of hours before a time, at most so many of each kind; says how many.
CREATE FUNCTION public.prune_usage(p_before timestamptz, p_limit integer) RETURNS bigint
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    WITH usage AS (
      DELETE FROM public.usage_rollups WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM public.usage_rollups WHERE bucket < p_before ORDER BY bucket LIMIT p_limit FOR UPDATE SKIP LOCKED))
      RETURNING 1
    ), tags AS (
      DELETE FROM public.usage_tag_rollups WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM public.usage_tag_rollups WHERE bucket < p_before ORDER BY bucket LIMIT p_limit FOR UPDATE SKIP LOCKED))
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM usage) + (SELECT count(*) FROM tags)
  $$;
REVOKE ALL ON FUNCTION public.prune_usage(timestamptz, integer) FROM PUBLIC;

-- Deletes holds that booked nothing and were closed or refused before a time. Settled ones stay: a decision may still name them.
CREATE FUNCTION public.prune_holds(p_before timestamptz, p_limit integer) RETURNS bigint
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    WITH pruned AS (
      DELETE FROM public.holds WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM public.holds
        WHERE status IN ('refused', 'released', 'expired') AND coalesce(closed_at, created_at) < p_before
        LIMIT p_limit FOR UPDATE SKIP LOCKED))
      RETURNING 1
    )
    SELECT count(*) FROM pruned
  $$;
REVOKE ALL ON FUNCTION public.prune_holds(timestamptz, integer) FROM PUBLIC;

-- Deletes the log of deliveries that ended before a time.
CREATE FUNCTION public.prune_webhook_log(p_before timestamptz, p_limit integer) RETURNS bigint
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    WITH pruned AS (
      DELETE FROM public.webhook_deliveries WHERE id = ANY (ARRAY(
        SELECT id FROM public.webhook_deliveries WHERE status <> 'pending' AND created_at < p_before ORDER BY id LIMIT p_limit))
      RETURNING id
    ), attempts AS (
      DELETE FROM public.webhook_attempts WHERE delivery_id IN (SELECT id FROM pruned)
    )
    SELECT count(*) FROM pruned
  $$;
REVOKE ALL ON FUNCTION public.prune_webhook_log(timestamptz, integer) FROM PUBLIC;

-- Every sum that is not what it is the sum of, seen at one moment: a period's committed amount against its ledger, and what is
-- held against the open holds. No row: all books balance. period_start is null for a budget without periods.
CREATE FUNCTION public.check_budgets()
  RETURNS TABLE (org_id text, budget_id text, what text, period_start timestamptz, stored numeric, counted numeric)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    WITH ledger AS (
      SELECT l.org_id, l.budget_id, coalesce(l.period_start, 'epoch') AS period_start, sum(l.amount) AS amount
      FROM public.budget_ledger l GROUP BY 1, 2, 3
    ), books AS (
      SELECT s.org_id, s.budget_id, coalesce(s.period_start, 'epoch') AS period_start, s.committed AS amount
      FROM public.budget_states s
      UNION ALL
      SELECT p.org_id, p.budget_id, p.period_start, p.committed
      FROM public.budget_periods p JOIN public.budget_states s ON s.budget_id = p.budget_id
      WHERE p.period_start IS DISTINCT FROM s.period_start
    ), holds AS (
      SELECT h.org_id, line.budget_id, sum(line.held) AS amount
      FROM public.holds h CROSS JOIN LATERAL unnest(h.budget_ids, h.held) AS line(budget_id, held)
      WHERE h.status = 'open' GROUP BY 1, 2
    ), states AS (
      SELECT s.org_id, s.budget_id, s.held AS amount FROM public.budget_states s
    ), compared AS (
      SELECT coalesce(b.org_id, l.org_id) AS org_id, coalesce(b.budget_id, l.budget_id) AS budget_id, 'committed' AS what,
        coalesce(b.period_start, l.period_start) AS period_start, coalesce(b.amount, 0) AS stored, coalesce(l.amount, 0) AS counted
      FROM books b FULL JOIN ledger l ON l.budget_id = b.budget_id AND l.period_start = b.period_start
      UNION ALL
      SELECT coalesce(s.org_id, h.org_id), coalesce(s.budget_id, h.budget_id), 'held', 'epoch',
        coalesce(s.amount, 0), coalesce(h.amount, 0)
      FROM states s FULL JOIN holds h ON h.budget_id = s.budget_id
    )
    SELECT c.org_id, c.budget_id, c.what, nullif(c.period_start, 'epoch'), c.stored, c.counted
    FROM compared c WHERE c.stored <> c.counted ORDER BY 1, 2, 3, 4
  $$;
REVOKE ALL ON FUNCTION public.check_budgets() FROM PUBLIC;
