"""The production server with a demonstration behind it, as a program of its own: what the browser tests and the pictures open."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from civic import paths

PASSWORD = "civic-demo"
#: seconds until a server on a busy machine must answer
PATIENCE = 60
OWN = {"CIVIC_LIMITS": "1000", "PYTHONUNBUFFERED": "1"}  # one address asks for everybody here
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Site:
    """A running demonstration.  address: without a slash at the end; folder: its data."""

    address: str
    folder: Path

    def __str__(self) -> str:
        return self.address

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Read or change the database behind the site's back, as time or another person would."""
        with contextlib.closing(sqlite3.connect(self.folder / "civic.db", timeout=20)) as database, database:
            return database.execute(statement, values).fetchall()


def environment(folder: Path) -> dict[str, str]:
    """Nothing of this machine's settings reaches the site."""
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, **OWN, "CIVIC_DATA_DIR": str(folder)}


def civic(folder: Path, *words: str) -> None:
    """Run one `civic` command.  Raises CalledProcessError with what it printed."""
    command = [sys.executable, "-m", "civic.cli", *words]
    done = subprocess.run(command, cwd=paths.ROOT, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"civic {' '.join(words)}: {done.stdout}{done.stderr}"


def make_demo(folder: Path) -> Path:
    civic(folder, "demo", "--no-serve")
    return folder


def copy_of(folder: Path, to: Path) -> Path:
    """A demonstration of its own for whoever changes something; keys come with it."""
    return Path(shutil.copytree(folder, to))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, workers: int = 2) -> Iterator[Site]:
    """Serve a demonstration until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "civic.cli", "serve", "--port", str(port), "--workers", str(workers), "--no-scheduler"]
    with tempfile.TemporaryFile("w+") as told:
        server = subprocess.Popen(
            command, cwd=paths.ROOT, env=environment(folder), stdout=told, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(server, port, told)
            yield Site(f"http://127.0.0.1:{port}", folder)
        finally:
            # nothing here is worth a farewell, which takes seconds; the group, because a worker outlives a server that was killed
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, told: object) -> None:
    """Until the site says that it is ready."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    told.seek(0)  # type: ignore[attr-defined]
    raise RuntimeError(f"the site did not start: {told.read()[-3000:]}")  # type: ignore[attr-defined]
