"""Logins and what they may do: accounts, identities, sign-in with a second step, sessions, tokens, grants, the connection log.

An account is a login; the people behind logins come with their own module.  Public surface: models, queries, operations, policies, signals.
"""
