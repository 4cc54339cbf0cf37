"""`civic serve`, `civic scheduler`, `civic jobs`: the processes of a running site."""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import sys
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from granian.constants import Interfaces, Loops
from granian.server import Server

from civic import paths, scheduler
from civic.config import ConfigurationError, Settings
from civic.core import crypto, freshness, jobs, logs
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.registry import the_registry
from civic.core.site import SiteMark


class Usage(click.ClickException):
    """One clear line and exit code 2: the command or the settings cannot mean this."""

    exit_code = 2


def usage(message: str) -> Usage:
    return Usage(message)


def ready_to_serve(host: str) -> Settings:
    """Settings, keys and database fit together, or the start stops with one line."""
    settings: Settings = current_app.extensions["civic"].settings
    logs.init_logs(settings.log_format)
    try:
        settings.require_keys()
    except ConfigurationError as error:
        raise usage(str(error)) from None
    _same_key()
    if freshness.is_demo() and not _is_loopback(host):
        raise usage(f"This database is a demonstration: its logins are public. It is served on loopback only, not on {host}.")
    db.session.remove()  # this process goes on for months: its reading, left open, kept SQLite from ever emptying its log
    return settings


def _same_key() -> None:
    """The first data key of the database must be among those held, or nothing sealed could be read."""
    mark = db.session.get(SiteMark, "key")
    if mark is None:
        with atomic():
            db.session.add(SiteMark(name="key", value=crypto.fingerprints()[-1]))
    elif mark.value not in crypto.fingerprints():
        raise usage(f"CIVIC_DATA_KEY does not hold key {mark.value}, with which this database was made.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


#: requests at once in one worker.  They share one interpreter: of eight clients that look up names the slowest hundredth waited 67 ms with
#: four threads, 62 with three, 50 with two; but every slow client and every hashing keeps one, so there are three
THREADS = 3


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes; about one a core.")
@click.option("--no-scheduler", is_flag=True, help="Timed jobs run elsewhere.")
@with_appcontext
def serve(host: str, port: int, workers: int, no_scheduler: bool) -> None:
    """Serve the site: the production server."""
    ready_to_serve(host)
    run_server(host, port, workers, with_scheduler=not no_scheduler)


def run_server(host: str, port: int, workers: int, *, with_scheduler: bool) -> None:
    """Start granian's workers, and the scheduler as a child that ends with us."""
    db.session.remove()
    db.engine.dispose()
    child = (
        subprocess.Popen([sys.executable, "-m", "civic.cli", "scheduler"], env={**os.environ, "CIVIC_PARENT": str(os.getpid())})
        if with_scheduler
        else None
    )
    server = Server(
        "civic.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        loop=Loops.auto,
        websockets=False,
        log_access=False,
        respawn_failed_workers=True,
        working_dir=paths.ROOT if (paths.ROOT / "civic").is_dir() else None,
    )
    try:
        server.serve()
    finally:
        if child is not None:
            child.send_signal(signal.SIGTERM)
            child.wait(10)


@click.command("scheduler")
@with_appcontext
def run_scheduler() -> None:
    """Run timed jobs: one process for a site."""
    ready_to_serve("127.0.0.1")
    made = scheduler.build(current_app._get_current_object())  # type: ignore[attr-defined]
    signal.signal(signal.SIGTERM, lambda *_: made.shutdown(wait=False))
    parent = os.environ.get("CIVIC_PARENT")
    if parent:
        made.add_job(_follow(made, int(parent)), "interval", seconds=5, id="follow-parent")
    made.start()


def _follow(made: Any, parent: int) -> Any:
    """A scheduler that was started by the server ends when the server was killed."""

    def look() -> None:
        if os.getppid() != parent:
            made.shutdown(wait=False)

    return look


@click.group("jobs")
def jobs_group() -> None:
    """Timed jobs: list them, run one now."""


@jobs_group.command("list")
@with_appcontext
def list_jobs() -> None:
    """Every job, when it runs, and what came of the last run."""
    last = jobs.last_runs()
    for job in scheduler.all_jobs(the_registry()):
        run = last.get(job.name)
        told = f"{run.started_at:%Y-%m-%d %H:%M} UTC {run.outcome or 'running'}" if run else "never"
        click.echo(f"{job.name:28} {('daily ' + job.at) if job.at else f'every {job.minutes} min':14} last: {told}")


@jobs_group.command("run")
@click.argument("name")
@with_appcontext
def run_one(name: str) -> None:
    """Run one job now, under its lease."""
    job = next((j for j in scheduler.all_jobs(the_registry()) if j.name == name), None)
    if job is None:
        raise usage(f"No job is called {name}. `civic jobs list` names them.")
    if not jobs.run_job(job):
        raise click.ClickException(f"{name} is running elsewhere.")
    click.echo(f"{name}: done")
