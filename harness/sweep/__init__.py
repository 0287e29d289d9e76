"""The composition: what happens in a sweep, in the order of docs/architecture.md. The only layer that knows every stage."""
