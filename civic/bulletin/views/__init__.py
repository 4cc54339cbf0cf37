"""Pages of the bulletin: `public` to read and take away, `part` to object and subscribe, `announcements` and `postings` for the desk."""
