"""What people type on the pages of points: gifts, rules and proposals, what hints and auditors ask."""
