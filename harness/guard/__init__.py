"""Memory probes, the watchdog, and the supervision of child processes."""
