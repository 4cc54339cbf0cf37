"""Pressing an address with wrk: one thread, keep-alive, the requests of a `Load` in turn; a run that is not clean is void."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = Path(__file__).with_name("wrk.lua")
INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "wrk"]
WARM_UP, MEASURED = 5, 15  # seconds
QUICK_WARM_UP, QUICK_MEASURED = 1, 2
CONNECTIONS = 8
BYTES_APART = 0.02  # answers that were begun and not read to the end at the last moment
BROWSER = {"Accept-Encoding": "gzip, deflate, br", "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5", "Accept": "text/html,*/*;q=0.8"}


class VoidError(Exception):
    """A run that says nothing about speed: an error, a wrong status, a wrong body."""


@dataclass(frozen=True)
class Load:
    """What is sent.  lines: paths, each perhaps with a tab and an entity tag; looks: read the status of each answer in wrk."""

    lines: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()
    connections: int = CONNECTIONS
    looks: bool = False


@dataclass(frozen=True)
class Sample:
    """One measured run.  rate: requests a second; p50, p99, max: milliseconds; bytes: per answer, with its head."""

    rate: float
    p50: float
    p99: float
    max: float
    requests: int
    bytes: float

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


def ensure() -> None:
    """Find wrk, install it as root, or stop with the line to type."""
    if shutil.which("wrk"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"The benchmarks need wrk. Type: sudo {' '.join(INSTALL)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], INSTALL):
        if subprocess.run(command, check=False, env=env).returncode:
            sys.exit(f"The benchmarks need wrk, and this failed: {' '.join(command)}")


def version() -> str:
    told = subprocess.run(["wrk", "--version"], check=False, capture_output=True, text=True).stdout
    return told.removeprefix("wrk ").partition(" [")[0].strip() or "unknown"


def press(address: str, load: Load, seconds: int, start: int = 0) -> Sample:
    """Press for some seconds, beginning at line `start`.  Raises VoidError."""
    with tempfile.NamedTemporaryFile("w", prefix="civic-wrk-", suffix=".txt") as requests:
        requests.write("\n".join(load.lines) + "\n")
        requests.flush()
        heads = [part for name, value in load.headers for part in ("-H", f"{name}: {value}")]
        command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "-s", str(SCRIPT), *heads, address]
        command += ["--", requests.name, str(start), "look" if load.looks else "-"]
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 60)
    found = [line for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    if ran.returncode or not found:
        raise VoidError(f"wrk gave no result: {ran.stdout[-500:]}{ran.stderr[-500:]}")
    told = json.loads(found[-1].removeprefix("RESULT "))
    faults = {name: told[name] for name in ("socket_errors", "status_errors", "wrong") if told[name]}
    if faults or not told["requests"]:
        raise VoidError(f"{told['requests']} requests with {faults or 'no answer'}")
    rate = told["requests"] / (told["micros"] / 1e6)
    return Sample(rate, told["p50"] / 1e3, told["p99"] / 1e3, told["max"] / 1e3, told["requests"], told["bytes"] / told["requests"])


@dataclass(frozen=True)
class Answer:
    """One answer read from the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    size: int  # bytes, head and body


def fetch(address: str, path: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Ask once on a plain socket, so that the size is what went over the wire.  Raises VoidError for an answer of unknown length."""
    to = urlsplit(address)
    lines = [f"GET {path} HTTP/1.1", f"Host: {to.netloc}", "Connection: close", *(f"{n}: {v}" for n, v in headers)]
    with socket.create_connection((to.hostname or "127.0.0.1", to.port or 80), timeout=30) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    whole = b"".join(parts)
    head, gap, body = whole.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    if not gap or "chunked" in found.get("transfer-encoding", ""):
        raise VoidError(f"{path}: no answer of known length: {first}")
    return Answer(int(first.split()[1]), found, body, len(whole))


def same_size(sample: Sample, expected: float) -> None:
    """Every answer must have been the one that was checked.  Raises VoidError when the mean size differs."""
    if abs(sample.bytes - expected) > BYTES_APART * expected + 1:
        raise VoidError(f"answers of {sample.bytes:.0f} bytes where {expected:.0f} were checked: a wrong body")
