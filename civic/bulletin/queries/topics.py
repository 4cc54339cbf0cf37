"""Names under which the bulletin's content is versioned and searched."""

TOPIC = "bulletin"
URGENT = "bulletin-urgent"
ANNOUNCEMENTS, POSTINGS = "announcement", "posting"
