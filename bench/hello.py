"""The bound: a Flask application of one route that answers 13 bytes, on the site's own server with the site's own options.

`python -m bench.hello PORT WORKERS` starts it through `civic.commands.serving.run_server`, so the two can never drift apart.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from flask import Flask

BODY = "Hello, World!"
application = Flask("hello", static_folder=None)


@application.get("/")
def hello() -> str:
    return BODY


def main(port: int, workers: int) -> None:
    """Serve hello as `civic serve` serves the site: only the application is another one, and there is no database to let go of."""
    from civic.commands import serving  # noqa: PLC0415 - the workers import this file and must hold nothing but Flask

    real = vars(serving)["Server"]

    def server(_target: str, **options: Any) -> Any:
        return real("bench.hello:application", **options)

    nothing = SimpleNamespace(engine=SimpleNamespace(dispose=lambda: None))
    with patch.object(serving, "Server", server), patch.object(serving, "db", nothing):
        serving.run_server("127.0.0.1", port, workers, with_scheduler=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
