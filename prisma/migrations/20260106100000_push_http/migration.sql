-- Where each replica of push-gateway is reached by the others. Not logged: after a crash of the server they say so again.
CREATE UNLOGGED TABLE public.push_replicas (
  replica text NOT NULL PRIMARY KEY,
  url text NOT NULL,
  updated_at timestamptz(6) NOT NULL
);
ALTER TABLE public.push_replicas SET (fillfactor = 50);

-- What a user has not read yet, which is asked for and counted more often than the rest.
CREATE INDEX notifications_unread_idx ON public.notifications (org_id, user_id, seq) WHERE (read_at IS NULL);

-- Deletes a user's notifications made before a time, and those beyond the last p_keep, of at most p_limit users; returns how
-- many users that were. Always from the first on: what is left has no gap, so that who resumes is told what is gone.
CREATE FUNCTION public.prune_notifications(p_before timestamptz, p_keep bigint, p_limit integer)
  RETURNS bigint
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    WITH heads AS (
      SELECT h.org_id, h.user_id, h.seq, f.seq AS first_seq, f.created_at AS first_at
      FROM public.notification_heads h
      CROSS JOIN LATERAL (
        SELECT n.seq, n.created_at FROM public.notifications n
        WHERE n.org_id = h.org_id AND n.user_id = h.user_id ORDER BY n.seq LIMIT 1
      ) f
      WHERE f.created_at < p_before OR f.seq <= h.seq - p_keep
      ORDER BY h.org_id, h.user_id LIMIT p_limit
    ), cuts AS (
      SELECT h.org_id, h.user_id, greatest(
        h.seq - p_keep,
        -- Up to the first that is young: clocks differ, so a later one may have the earlier time.
        coalesce((
          SELECT min(n.seq) - 1 FROM public.notifications n
          WHERE n.org_id = h.org_id AND n.user_id = h.user_id AND n.created_at >= p_before
        ), h.seq)
      ) AS up_to
      FROM heads h
    ), pruned AS (
      DELETE FROM public.notifications n USING cuts c
      WHERE n.org_id = c.org_id AND n.user_id = c.user_id AND n.seq <= c.up_to
    )
    SELECT count(*) FROM cuts
  $$;
REVOKE ALL ON FUNCTION public.prune_notifications(timestamptz, bigint, integer) FROM PUBLIC;
