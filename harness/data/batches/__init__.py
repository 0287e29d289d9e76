"""Batches of records that arrive one after the other: finding, checking, and putting them together for a step."""
