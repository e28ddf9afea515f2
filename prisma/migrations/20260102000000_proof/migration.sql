-- Proof for an auditor: signed checkpoints of chains, and retention that prunes behind them.

-- Days that decisions are kept; null: for ever.
ALTER TABLE public.organizations ADD COLUMN retention_days integer CHECK (retention_days >= 1);

-- Hash of the last pruned record: the `prevHash` of the first one that is left.
ALTER TABLE public.org_chains
  ADD COLUMN first_prev_hash text NOT NULL DEFAULT '0000000000000000000000000000000000000000000000000000000000000000'
    CHECK (first_prev_hash ~ '^[0-9a-f]{64}$');

-- A signed statement of where an org's chain stood at a time.
CREATE TABLE public.checkpoints (
  org_id text NOT NULL REFERENCES public.organizations (id) ON UPDATE CASCADE ON DELETE CASCADE,
  seq bigint NOT NULL CHECK (seq >= 1),
  head text NOT NULL CHECK (head ~ '^[0-9a-f]{64}$'),
  at timestamptz(3) NOT NULL,
  key_id text NOT NULL,
  public_key text NOT NULL,
  signature text NOT NULL,
  PRIMARY KEY (org_id, seq, key_id)
);

-- What is kept of a pruned decision, so that a late repeat of it stays a duplicate.
CREATE TABLE public.pruned_decisions (
  org_id text NOT NULL,
  id text NOT NULL,
  body_hash text NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);

DO $$
DECLARE
  tenant_table text;
  scope constant text := $scope$ANY ((SELECT string_to_array(current_setting('app.org_ids', true), ','))::text[])$scope$;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY['checkpoints', 'pruned_decisions'] LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY tenant ON public.%I USING (org_id = %s) WITH CHECK (org_id = %s)', tenant_table, scope, scope);
  END LOOP;
END
$$;

-- An org that is being written to right now is its writer's: only what has been left alone for a while is swept up.
CREATE OR REPLACE FUNCTION public.orgs_to_publish(p_limit integer)
  RETURNS TABLE (org_id text, published_seq bigint, last_seq bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT c.org_id, c.published_seq, c.last_seq
    FROM public.org_chains c
    WHERE c.published_seq < c.last_seq AND c.updated_at < now() - interval '2 seconds'
    ORDER BY c.updated_at, c.org_id
    LIMIT p_limit
  $$;

-- Orgs whose chain has grown since its last checkpoint by this key, the longest waiting first.
CREATE FUNCTION public.orgs_to_checkpoint(p_key_id text, p_limit integer)
  RETURNS TABLE (org_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT c.org_id
    FROM public.org_chains c
    LEFT JOIN LATERAL (
      SELECT k.seq, k.at FROM public.checkpoints k
      WHERE k.org_id = c.org_id AND k.key_id = p_key_id ORDER BY k.seq DESC LIMIT 1
    ) k ON true
    WHERE c.last_seq > coalesce(k.seq, 0)
    ORDER BY k.at NULLS FIRST, c.org_id
    LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.orgs_to_checkpoint(text, integer) FROM PUBLIC;

-- Orgs that limit how long decisions are kept and whose first decision is older.
CREATE FUNCTION public.orgs_to_prune(p_limit integer)
  RETURNS TABLE (org_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT o.id
    FROM public.organizations o
    JOIN public.org_chains c ON c.org_id = o.id
    JOIN public.decisions d ON d.org_id = c.org_id AND d.seq = c.first_seq
    WHERE d.recorded_at < now() - make_interval(days => o.retention_days)
    ORDER BY d.recorded_at
    LIMIT p_limit
  $$;
REVOKE ALL ON FUNCTION public.orgs_to_prune(integer) FROM PUBLIC;

-- Prunes at most p_limit of an org's oldest decisions that are past its retention, and returns how many. It never reaches
-- beyond what is published, counted by the budgets and vouched for by a checkpoint that stays. The services' role may not
-- delete decisions otherwise.
CREATE FUNCTION public.prune_decisions(p_org_id text, p_limit integer)
  RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
  DECLARE
    chain public.org_chains%ROWTYPE;
    days integer;
    safe_seq bigint;
    last_pruned bigint;
    last_hash text;
  BEGIN
    SELECT retention_days INTO days FROM public.organizations WHERE id = p_org_id;
    SELECT * INTO chain FROM public.org_chains WHERE org_id = p_org_id FOR UPDATE;
    IF days IS NULL OR chain.org_id IS NULL THEN RETURN 0; END IF;
    SELECT least(
      chain.published_seq,
      coalesce((SELECT seq FROM public.tracker_cursors WHERE org_id = p_org_id), 0),
      coalesce((SELECT min(seq) - 1 FROM public.tracker_skipped WHERE org_id = p_org_id), chain.last_seq),
      coalesce((SELECT max(seq) FROM public.checkpoints WHERE org_id = p_org_id), 0),
      chain.first_seq - 1 + p_limit
    ) INTO safe_seq;
    -- Up to the first that is young: recorded_at may step back by the difference of two writers' clocks.
    SELECT max(d.seq) INTO last_pruned FROM (
      SELECT seq, bool_and(recorded_at < now() - make_interval(days => days)) OVER (ORDER BY seq) AS old
      FROM public.decisions WHERE org_id = p_org_id AND seq BETWEEN chain.first_seq AND safe_seq
    ) d WHERE d.old;
    IF last_pruned IS NULL THEN RETURN 0; END IF;
    SELECT hash INTO last_hash FROM public.decisions WHERE org_id = p_org_id AND seq = last_pruned;
    INSERT INTO public.pruned_decisions (org_id, id, body_hash, seq)
      SELECT org_id, id, body_hash, seq FROM public.decisions
      WHERE org_id = p_org_id AND seq BETWEEN chain.first_seq AND last_pruned;
    DELETE FROM public.decisions WHERE org_id = p_org_id AND seq BETWEEN chain.first_seq AND last_pruned;
    -- The checkpoint of the last pruned record still vouches for the hash that the first one left is chained to.
    DELETE FROM public.checkpoints WHERE org_id = p_org_id AND seq < last_pruned;
    UPDATE public.org_chains SET first_seq = last_pruned + 1, first_prev_hash = last_hash WHERE org_id = p_org_id;
    RETURN last_pruned - chain.first_seq + 1;
  END
  $$;
REVOKE ALL ON FUNCTION public.prune_decisions(text, integer) FROM PUBLIC;
