"""Pure values and rules. No clock, no I/O, no Optuna, no MLflow, no torch."""
