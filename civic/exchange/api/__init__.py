"""Service for service for programs: one resource, its routes by room."""

from civic.exchange.api import beside, beside_exchanges, exchanges, listings, verbs, watch

RESOURCES = (listings.bp,)
FURTHER = (exchanges, beside, beside_exchanges, verbs, watch)  # put their routes on it
