"""Where things are and who is there for what: territories, buildings, homes, organisations, stations with their hours.

District → town or street → community or village → grid; Home → Building → Grid, so that redrawn grids move buildings, not people.
Public surface: models, queries, operations, policies, signals.
"""
