"""The builders of tests/support/exchange.py and exchange_web.py as fixtures of this folder."""

from tests.support.exchange import make_listing, two
from tests.support.exchange_web import enter, token_of, web

__all__ = ["enter", "make_listing", "token_of", "two", "web"]
