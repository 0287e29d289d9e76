"""From rows in anybody's columns to records: the mapping file, its proposal, and its application into a new folder."""
