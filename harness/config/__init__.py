"""The sweep file: pydantic models, YAML in, precise errors out."""
