"""Service for service: listings, agreements, disputes, ratings, lives, races."""
