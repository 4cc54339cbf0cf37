"""Civic: the site on which a district lets its neighbourhoods govern and help themselves.

Storeys, from low to high: core, territory, accounts, catalogue, front.  docs/architecture.md has the map.
"""
