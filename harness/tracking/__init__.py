"""MLflow: runs, tables, plots, registry, exported adapters."""
