"""The builders of tests/support/exchange.py as fixtures of this folder."""

from tests.support.exchange import make_listing, two

__all__ = ["make_listing", "two"]
