"""Pages of the catalogue: `public` for everybody, `desk` for handlers, `offers` for community managers."""
