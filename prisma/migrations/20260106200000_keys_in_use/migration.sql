-- How many API keys are valid, and how many of them were used within a time.
CREATE FUNCTION public.keys_in_use(p_within interval)
  RETURNS TABLE (valid bigint, used bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT count(*), count(*) FILTER (
      WHERE EXISTS (
        SELECT FROM public.key_usage u
        WHERE u.org_id = k.org_id AND u.key_id = k.id AND u.last_used_at > now() - p_within
      )
    )
    FROM public.api_keys k
    WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  $$;
REVOKE ALL ON FUNCTION public.keys_in_use(interval) FROM PUBLIC;
