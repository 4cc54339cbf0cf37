"""Numbers in addresses: no more than a database's id can be, so that a longer one is an address that does not exist."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter

LARGEST = 2**63 - 1


class IdConverter(IntegerConverter):
    """`<int:…>` within what a BIGINT holds: ten to the 23rd was an error of the database, not a 404."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max": LARGEST, **kwargs})


def init_numbers(app: Flask) -> None:
    """Before the first route is added."""
    app.url_map.converters["int"] = IdConverter
