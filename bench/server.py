"""Processes that are measured: the site by its production command, the hello beside it; their memory afterwards."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.wrk import VoidError, fetch

ROOT = Path(__file__).resolve().parent.parent
CIVIC = Path(sys.executable).with_name("civic")
WORKERS = 2
START_SECONDS = 60
STOP_SECONDS = 15
LIMITS = "1000000"  # factor on request limits: all load comes from one address


def production(folder: Path, database_url: str = "") -> dict[str, str]:
    """The environment of a real site with keys and a data folder of its own; nothing of this machine's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CIVIC_")}
    return {
        **kept,
        "CIVIC_DATA_DIR": str(folder),
        "CIVIC_DATABASE_URL": database_url or f"sqlite:///{folder}/civic.db",
        "CIVIC_SECRET_KEY": secrets.token_urlsafe(48),
        "CIVIC_DATA_KEY": secrets.token_urlsafe(48),
        "CIVIC_BASE_URL": "https://civic.example.org",
        "CIVIC_LIMITS": LIMITS,
    }


class Process:
    """A server that answers on loopback until it is stopped."""

    def __init__(self, name: str, command: list[str | Path], port: int, env: dict[str, str], log: Path, ready: str) -> None:
        self.name, self.address, self._log = name, f"http://127.0.0.1:{port}", log
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            self._wait(ready)
        except BaseException:
            self.stop()
            raise

    def _wait(self, path: str) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError, VoidError):
                if fetch(self.address, path).status == 200:
                    return
            if self._process.poll() is not None or time.monotonic() > end:
                raise VoidError(f"{self.name} does not answer {path}: {self._log.read_text(errors='replace')[-1500:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask the server to end; what is left of its session after fifteen seconds is killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def memory(self) -> dict[str, float]:
        """PSS in MiB by part: the server with its workers, and the scheduler that `civic serve` starts."""
        found = {"server": 0.0, "scheduler": 0.0}
        for pid in [self._process.pid, *descendants(self._process.pid)]:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            found["scheduler" if b"scheduler" in words else "server"] += pss(pid)
        return found


def descendants(pid: int) -> list[int]:
    children = [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    return [*children, *(d for child in children for d in descendants(child))]


def pss(pid: int) -> float:
    """Proportional set size in MiB: shared pages are divided among those who share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def hello(folder: Path) -> Iterator[Process]:
    port = free_port()
    command: list[str | Path] = [sys.executable, "-m", "bench.hello", str(port), str(WORKERS)]
    process = Process(
        "hello", command, port, {k: v for k, v in os.environ.items() if not k.startswith("CIVIC_")}, folder / "hello.log", "/"
    )
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def site(env: dict[str, str], log: Path) -> Iterator[Process]:
    """`civic serve` with its scheduler, exactly as in production."""
    port = free_port()
    process = Process("civic serve", [CIVIC, "serve", "--port", str(port), "--workers", str(WORKERS)], port, env, log, "/readyz")
    try:
        yield process
    finally:
        process.stop()
