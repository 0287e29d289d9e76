"""Files below everything else: the cache folder, whole-or-nothing publishing, and files of records."""
