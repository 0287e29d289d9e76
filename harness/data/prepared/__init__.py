"""Validated, split records on disk, with a manifest."""
