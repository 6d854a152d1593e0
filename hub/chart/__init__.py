"""A record as doctors read it: problems, drugs, trends, what was said when, a summary to hand on. Pure: rows of entries
and facts in, values out. A row is what ``hub.store.records`` gives of an entry: its columns by name."""
