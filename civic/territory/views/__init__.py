"""Pages of `territory`: `public` for everybody, `stations` for community managers, `organisations` for administrators."""
