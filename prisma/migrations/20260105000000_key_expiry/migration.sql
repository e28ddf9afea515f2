-- How many API keys that were used within the last week end within a time: what somebody has to be told of.
CREATE FUNCTION public.keys_expiring(p_within interval)
  RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT count(*) FROM public.api_keys k
    WHERE k.revoked_at IS NULL AND k.expires_at > now() AND k.expires_at <= now() + p_within
      AND EXISTS (
        SELECT FROM public.key_usage u
        WHERE u.org_id = k.org_id AND u.key_id = k.id AND u.last_used_at > now() - interval '7 days'
      )
  $$;
REVOKE ALL ON FUNCTION public.keys_expiring(interval) FROM PUBLIC;
