"""Pages above all modules: `reading` for everybody, `desk` for workers, `health` for machines, `loading` for lists."""
