"""What the district does for people, as data: the 78 service items with versions, materials, laws, words; the grid items.

Services, council, teams and grid will point at it.  Public surface: models, queries, operations, policies, signals.
"""
