"""Sources of focal functions, their splits, and the caches of converted data and models."""
