"""Pages of service for service."""
