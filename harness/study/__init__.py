"""The only door to Optuna: distributions, samplers, storage, and what a told trial means."""
