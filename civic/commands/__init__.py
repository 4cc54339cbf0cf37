"""The commands that belong to the site as a whole; a module's own commands stand in its manifest."""
