-- Identity: rotated and limited keys, sessions, invitations, tickets, a chained audit log, limits shared by all replicas,
-- and raw text that an org asked to keep.

-- A key keeps its id when its secret is rotated; the secret before works until previous_expires_at.
ALTER TABLE public.api_keys
  ADD COLUMN previous_hash text,
  ADD COLUMN previous_expires_at timestamptz(6),
  ADD COLUMN rotated_at timestamptz(6),
  ADD COLUMN rate_per_second integer CHECK (rate_per_second > 0),
  ADD COLUMN rate_burst integer CHECK (rate_burst > 0),
  ADD CONSTRAINT api_keys_previous_secret_ends CHECK ((previous_hash IS NULL) = (previous_expires_at IS NULL));
CREATE UNIQUE INDEX api_keys_previous_hash_key ON public.api_keys (previous_hash);

-- How often a key was used on a day, and when last.
CREATE TABLE public.key_usage (
  org_id text NOT NULL,
  key_id text NOT NULL,
  day date NOT NULL,
  uses bigint NOT NULL DEFAULT 0,
  last_used_at timestamptz(6) NOT NULL,
  PRIMARY KEY (org_id, key_id, day)
);

-- Requests a second of all of an org together; null: what the installation says.
ALTER TABLE public.organizations
  ADD COLUMN rate_per_second integer CHECK (rate_per_second > 0),
  ADD COLUMN rate_burst integer CHECK (rate_burst > 0);

-- Sessions that began before are over: set when the password changes.
ALTER TABLE public.users ADD COLUMN sessions_not_before timestamptz(6);

CREATE TABLE public.invitations (
  id text NOT NULL PRIMARY KEY,
  org_id text NOT NULL REFERENCES public.organizations (id) ON UPDATE CASCADE ON DELETE CASCADE,
  email text NOT NULL,
  role text NOT NULL,
  token_hash text NOT NULL,
  invited_by text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(6) NOT NULL,
  accepted_at timestamptz(6),
  accepted_by text,
  revoked_at timestamptz(6)
);
CREATE UNIQUE INDEX invitations_token_hash_key ON public.invitations (token_hash);
CREATE INDEX invitations_org_id_created_at_id_idx ON public.invitations (org_id, created_at, id);

-- One login of one user in one org: all refresh tokens that follow from it belong to it.
CREATE TABLE public.sessions (
  id text NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  user_id text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(6) NOT NULL,
  revoked_at timestamptz(6),
  revoked_reason text
);
CREATE INDEX sessions_org_id_user_id_idx ON public.sessions (org_id, user_id);

CREATE TABLE public.refresh_tokens (
  token_hash text NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  session_id text NOT NULL REFERENCES public.sessions (id) ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  used_at timestamptz(6)
);
CREATE INDEX refresh_tokens_session_id_idx ON public.refresh_tokens (session_id);

-- One-use tickets for browsers. A redeemed one speaks for what it was made with, to its redeemer alone.
CREATE TABLE public.connection_tickets (
  ticket_hash text NOT NULL PRIMARY KEY,
  org_id text NOT NULL,
  user_id text,
  key_id text,
  session_id text,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(6) NOT NULL,
  -- When the credential it was made with ends; null: never.
  credential_expires_at timestamptz(6),
  redeemer text
);

-- Raw text of decisions, for orgs that keep it: outside of the chain, so that it can be erased.
CREATE TABLE public.raw_texts (
  org_id text NOT NULL,
  decision_id text NOT NULL,
  data jsonb NOT NULL,
  recorded_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (org_id, decision_id)
);

-- The audit log becomes a chain as the decisions are. Records stored before have no seq.
ALTER TABLE public.audit_logs
  ADD COLUMN seq bigint,
  ADD COLUMN recorded_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  ADD COLUMN record text,
  ADD COLUMN prev_hash text,
  ADD COLUMN hash text;
CREATE UNIQUE INDEX audit_logs_org_id_seq_key ON public.audit_logs (org_id, seq);

CREATE TABLE public.audit_chains (
  org_id text NOT NULL PRIMARY KEY,
  last_seq bigint NOT NULL DEFAULT 0,
  head_hash text NOT NULL DEFAULT '0000000000000000000000000000000000000000000000000000000000000000',
  -- The first record that is not pruned, and the hash of the one before it.
  first_seq bigint NOT NULL DEFAULT 1,
  first_prev_hash text NOT NULL DEFAULT '0000000000000000000000000000000000000000000000000000000000000000'
);
ALTER TABLE public.audit_chains SET (fillfactor = 50);

-- What all replicas share of a limit. Not logged: after a crash of the server every bucket is full, which is no harm.
CREATE UNLOGGED TABLE public.rate_buckets (
  id text NOT NULL PRIMARY KEY,
  tokens double precision NOT NULL,
  granted double precision NOT NULL,
  updated_at timestamptz(6) NOT NULL
);
ALTER TABLE public.rate_buckets SET (fillfactor = 50);

CREATE UNLOGGED TABLE public.connection_counts (
  replica text NOT NULL,
  bucket text NOT NULL,
  count integer NOT NULL,
  updated_at timestamptz(6) NOT NULL,
  PRIMARY KEY (replica, bucket)
);
CREATE INDEX connection_counts_bucket_idx ON public.connection_counts (bucket);

DO $$
DECLARE
  tenant_table text;
  scope constant text := $scope$ANY ((SELECT string_to_array(current_setting('app.org_ids', true), ','))::text[])$scope$;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY[
    'key_usage', 'invitations', 'sessions', 'refresh_tokens', 'connection_tickets', 'raw_texts', 'audit_chains'
  ] LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY tenant ON public.%I USING (org_id = %s) WITH CHECK (org_id = %s)', tenant_table, scope, scope);
  END LOOP;
END
$$;

-- The API key whose present or previous secret has this SHA-256 (hex), with what decides on it: the state of its org and the
-- role of its user there. Whether it may still be used is for the caller to judge. Takes the place of find_api_key, which
-- knows no previous secrets.
CREATE FUNCTION public.identify_api_key(p_key_hash text)
  RETURNS TABLE (
    id text, org_id text, user_id text, role text, scopes text[], cidrs text[], expires_at timestamptz,
    revoked_at timestamptz, suspended_at timestamptz, keep_raw_text boolean,
    rate_per_second integer, rate_burst integer, org_rate_per_second integer, org_rate_burst integer
  )
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT k.id, k.org_id, k.user_id, m.role, k.scopes, k.cidrs,
      CASE WHEN k.key_hash = p_key_hash THEN k.expires_at ELSE least(k.expires_at, k.previous_expires_at) END,
      k.revoked_at, o.suspended_at, o.keep_raw_text,
      k.rate_per_second, k.rate_burst, o.rate_per_second, o.rate_burst
    FROM public.api_keys k
    JOIN public.organizations o ON o.id = k.org_id
    LEFT JOIN public.memberships m ON m.org_id = k.org_id AND m.user_id = k.user_id
    WHERE k.key_hash = p_key_hash OR k.previous_hash = p_key_hash
  $$;
REVOKE ALL ON FUNCTION public.identify_api_key(text) FROM PUBLIC;

-- The orgs a person is a member of.
CREATE FUNCTION public.orgs_of_user(p_user_id text)
  RETURNS TABLE (org_id text, name text, role text, suspended_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT o.id, o.name, m.role, o.suspended_at
    FROM public.memberships m JOIN public.organizations o ON o.id = m.org_id
    WHERE m.user_id = p_user_id
    ORDER BY o.id
  $$;
REVOKE ALL ON FUNCTION public.orgs_of_user(text) FROM PUBLIC;

-- Whether the installation has an org yet.
CREATE FUNCTION public.has_organizations()
  RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT EXISTS (SELECT FROM public.organizations) $$;
REVOKE ALL ON FUNCTION public.has_organizations() FROM PUBLIC;

-- Removes what can be of no more use: tickets, sessions and invitations long over, limits nobody touches, raw text past the
-- retention of its org. Nothing of it can still be presented by anybody.
CREATE FUNCTION public.sweep_identity()
  RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
  DECLARE
    total bigint := 0;
    removed bigint;
  BEGIN
    -- A connection made by a ticket ends a day after it was made.
    DELETE FROM public.connection_tickets WHERE created_at < now() - interval '25 hours';
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    DELETE FROM public.sessions WHERE expires_at < now() - interval '30 days';
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    DELETE FROM public.invitations WHERE expires_at < now() - interval '365 days';
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    DELETE FROM public.key_usage WHERE day < current_date - 400;
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    DELETE FROM public.rate_buckets WHERE updated_at < now() - interval '1 hour';
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    DELETE FROM public.connection_counts WHERE updated_at < now() - interval '1 hour';
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    DELETE FROM public.raw_texts r USING public.organizations o
      WHERE o.id = r.org_id AND r.recorded_at < now() - make_interval(days => o.retention_days);
    GET DIAGNOSTICS removed = ROW_COUNT; total := total + removed;
    RETURN total;
  END
  $$;
REVOKE ALL ON FUNCTION public.sweep_identity() FROM PUBLIC;

-- Prunes audit records recorded before a time, of at most p_limit orgs, and returns which. The last 30 days stay whatever the
-- caller says, and the chain of the rest verifies from the hash that is kept. The services' role may not delete otherwise.
CREATE FUNCTION public.prune_audit_logs(p_before timestamptz, p_limit integer)
  RETURNS TABLE (org_id text, pruned bigint, first_seq bigint)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
  #variable_conflict use_column
  DECLARE
    before constant timestamptz := least(p_before, now() - interval '30 days');
    chain record;
    last_pruned bigint;
    last_hash text;
  BEGIN
    FOR chain IN
      SELECT c.org_id, c.first_seq FROM public.audit_chains c
      JOIN public.audit_logs l ON l.org_id = c.org_id AND l.seq = c.first_seq
      WHERE l.recorded_at < before
      ORDER BY c.org_id LIMIT p_limit FOR UPDATE OF c
    LOOP
      -- Up to the first that is young: recorded_at may step back by the difference of two clocks.
      SELECT coalesce(min(l.seq) - 1, (SELECT c.last_seq FROM public.audit_chains c WHERE c.org_id = chain.org_id))
        INTO last_pruned
        FROM public.audit_logs l WHERE l.org_id = chain.org_id AND l.seq >= chain.first_seq AND l.recorded_at >= before;
      SELECT l.hash INTO last_hash FROM public.audit_logs l WHERE l.org_id = chain.org_id AND l.seq = last_pruned;
      DELETE FROM public.audit_logs l WHERE l.org_id = chain.org_id AND l.seq BETWEEN chain.first_seq AND last_pruned;
      UPDATE public.audit_chains c SET first_seq = last_pruned + 1, first_prev_hash = last_hash
        WHERE c.org_id = chain.org_id;
      RETURN QUERY SELECT chain.org_id, last_pruned - chain.first_seq + 1, last_pruned + 1;
    END LOOP;
  END
  $$;
REVOKE ALL ON FUNCTION public.prune_audit_logs(timestamptz, integer) FROM PUBLIC;
