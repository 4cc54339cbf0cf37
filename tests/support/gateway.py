"""A text-message gateway on a free loopback port: takes JSON by POST, drops an id that it knows, and can be told to refuse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Gateway:
    """asked: every body in order; taken: by id, what would reach a phone.  status: what it answers; wait: seconds before it does."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.status = 202
        self.wait = 0.0
        self.entered = threading.Event()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gateway.asked.append(body)
                if 200 <= gateway.status < 300:
                    gateway.taken[body["id"]] = body
                gateway.entered.set()
                time.sleep(gateway.wait)
                self.send_response(gateway.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/send"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    made.start()
    yield made
    made.stop()
