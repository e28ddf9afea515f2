-- Nothing looks a line up by org and seq, and two lines a decision pay for it.
DROP INDEX public.budget_ledger_org_id_seq_idx;

-- A row of this hour is updated with every batch: room in the page, so that an update needs no new index entry (HOT).
ALTER TABLE public.usage_rollups SET (fillfactor = 50);
ALTER TABLE public.usage_tag_rollups SET (fillfactor = 50);
