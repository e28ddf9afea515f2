-- The body hash of each of these ids that is stored, in whichever of the three tables: p_ids[i] is looked up in p_org_ids[i].
-- It names the orgs in app.org_ids itself, for the rest of the transaction, so that a caller without one needs a single round
-- trip; it runs as its caller, who sees no more rows by it than row-level security would let it name.
--
-- A connection plans it once, maybe while the tables are empty, where every plan costs the same. So only one plan is left: a
-- look-up a key and table in the index on (org_id, id), the only one that has the order asked for (of a range, because that of
-- an id that is equal to one value is none).
CREATE FUNCTION public.stored_bodies(p_org_ids text[], p_ids text[])
  RETURNS TABLE (org_id text, id text, body_hash text)
  LANGUAGE plpgsql VOLATILE ROWS 10
  SET search_path = pg_catalog, pg_temp
  SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET enable_sort = off SET enable_incremental_sort = off
  AS $$
  BEGIN
    PERFORM set_config('app.org_ids', (SELECT string_agg(DISTINCT o, ',') FROM unnest(p_org_ids) AS o), true);
    RETURN QUERY
      SELECT a.org_id, a.id, f.body_hash
      FROM unnest(p_org_ids, p_ids) AS a(org_id, id)
      CROSS JOIN LATERAL (
        (SELECT d.body_hash FROM public.decisions d
         WHERE d.org_id = a.org_id AND d.id BETWEEN a.id AND a.id ORDER BY d.org_id, d.id LIMIT 1)
        UNION ALL
        (SELECT e.body_hash FROM public.events e
         WHERE e.org_id = a.org_id AND e.id BETWEEN a.id AND a.id ORDER BY e.org_id, e.id LIMIT 1)
        UNION ALL
        (SELECT p.body_hash FROM public.pruned_decisions p
         WHERE p.org_id = a.org_id AND p.id BETWEEN a.id AND a.id ORDER BY p.org_id, p.id LIMIT 1)
      ) AS f;
  END
  $$;
REVOKE ALL ON FUNCTION public.stored_bodies(text[], text[]) FROM PUBLIC;
