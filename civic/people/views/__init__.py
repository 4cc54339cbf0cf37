"""Pages of `people`: `find` and `persons` (the one beside you), `households`, `lives`, `trust`, `merges` at the desk; `public` for everybody."""
