"""`civic demo` and `civic seed`: a believable community to look at, or a whole synthetic district to measure with."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from datetime import time as day_time
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from civic import paths
from civic.commands.serving import ready_to_serve, run_server, usage
from civic.config import ConfigurationError, Settings, load_settings
from civic.core import clock, freshness
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load import engine, runs
from civic.core.registry import Seed, the_registry
from civic.core.site import SiteMark
from civic.core.viewer import Actor, Channel

LISTS = ("catalogue", "panyu", "workdays")
PASSWORD = "civic-demo"  # noqa: S105 - public on purpose; `serve` refuses a demo on any address but loopback


def make_keys(folder: Path) -> None:
    """Keys for a demonstration, once, in its data folder, readable by its owner alone."""
    path = folder / "keys.env"
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(
            f"# Keys of a demonstration.\nCIVIC_SECRET_KEY={secrets.token_urlsafe(48)}\nCIVIC_DATA_KEY={secrets.token_urlsafe(48)}\n"
        )


def demo_settings() -> Settings:
    """The settings of a demo: made complete by keys of its own.  Raises click's usage error for a database that is not SQLite."""
    try:
        settings = load_settings()
        if not settings.secret_key and settings.is_sqlite:
            make_keys(settings.data_dir)
            settings = load_settings()
        settings.require_keys()
    except ConfigurationError as error:
        raise usage(str(error)) from None
    return settings


def _reset(settings: Settings) -> None:
    """Remove a demo database (never another one) before a new one is made."""
    if not settings.is_sqlite:
        raise usage("--reset removes a SQLite demo; drop a PostgreSQL database by its own tools.")
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", ".turn"))):
        name.unlink(missing_ok=True)


@click.command("demo")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-serve", is_flag=True, help="Only make the database.")
@click.option("--reset", is_flag=True, help="Throw the demo away first.")
@with_appcontext
def demo(port: int, no_serve: bool, reset: bool) -> None:
    """Make the demo community when it is absent, print its address and logins, serve it on loopback."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    settings: Settings = app.extensions["civic"].settings
    if not no_serve and _is_taken(port):
        raise usage(f"Port {port} is in use. Choose another one: --port {port + 1}")
    if reset:
        if _is_made() and not freshness.is_demo():
            raise usage("This database is not a demonstration; --reset does not touch it.")
        db.session.remove()
        db.engine.dispose()
        _reset(settings)
    if not _is_made():
        make_demo()
    elif not freshness.is_demo():
        raise usage("This database is a real site; `civic demo` makes its own. Choose another CIVIC_DATA_DIR.")
    else:
        upgrade(directory=str(paths.MIGRATIONS))
    print_logins(port)
    if not no_serve:
        ready_to_serve("127.0.0.1")
        run_server("127.0.0.1", port, 2, with_scheduler=True)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_made() -> bool:
    """Has the database its tables and its mark?"""
    with db.engine.connect() as connection:
        if not connection.dialect.has_table(connection, "site_mark"):
            return False
    freshness.forget()
    return bool(freshness.snapshot().marks)


def make_demo() -> None:
    """Migrations, lists, seeds, logins; the mark comes last, so that a demo that was broken off is made again."""
    began = time.monotonic()
    click.echo("Making the demonstration …")
    upgrade(directory=str(paths.MIGRATIONS))
    seed_demo()
    for seed in _seeds("logins"):
        seed.run()
    with atomic() as tx:
        db.session.merge(SiteMark(name="demo", value="yes"))
        tx.touch("features")
    freshness.forget()
    click.echo(f"Made in {time.monotonic() - began:.1f} s.")


def seed_demo() -> None:
    """The lists that come with the program, then each module's believable data."""
    files = [(f"{folder}/{p.name}", p.read_bytes()) for folder in LISTS for p in sorted((paths.DATA / folder).glob("*.csv"))]
    plan = engine.plan_load(files)
    refused = [row for count in plan.report.kinds.values() for row in count.rejected]
    if refused:
        raise click.ClickException(
            f"The lists that come with the program are refused: {[(r.file, r.line, str(r.why)) for r in refused[:3]]}"
        )
    runs.run_load(Actor(None, job="seed", channel=Channel.command), plan)
    for seed in _seeds("demo"):
        seed.run()


def print_logins(port: int) -> None:
    """The address and who may sign in; logins that are missing are made on the way."""
    click.echo(f"\nCivic demo: http://127.0.0.1:{port}\n")
    click.echo(f"Sign in with the password {PASSWORD} as")
    for login in (login for seed in _seeds("logins") for login in seed.run()):
        click.echo(f"  {login.login:10} {login.role or '':10} {login.name}")
    click.echo("")


def _seeds(kind: str) -> list[Seed]:
    found = sorted(the_registry().all_of("seeds"), key=lambda seed: seed.position)
    return [seed for seed in found if seed.kind == kind]


@click.group("seed")
def seed() -> None:
    """Invented data."""


@seed.command("demo")
@with_appcontext
def seed_demo_command() -> None:
    """The demo community without logins."""
    seed_demo()
    click.echo("Seeded.")


@seed.command("district")
@click.option("--scale", default=1.0, show_default=True, type=click.FloatRange(0.001, 100))
@click.option("--rows", multiple=True, metavar="MODULE=N", help="The size of one module's data.")
@click.option("--seed", "number", default=1, show_default=True, type=int, help="Same number and day, same data.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day the data ends on (today).")
@with_appcontext
def seed_district(scale: float, rows: tuple[str, ...], number: int, as_of: datetime | None) -> None:
    """A whole synthetic district, written in bulk and proved by `civic check`."""
    sizes = {}
    for each in rows:
        name, _, count = each.partition("=")
        if not count.isdecimal():
            raise usage(f"--rows wants MODULE=N, not {each}.")
        sizes[name] = int(count)
    day = as_of.date() if as_of else clock.today()
    with _noon(day):
        for entry in _seeds("district"):
            entry.run(scale=scale, rows=sizes, seed=number, as_of=day, progress=click.echo)
    click.echo("Seeded. `civic check` proves it.")


@contextlib.contextmanager
def _noon(day: date) -> Iterator[None]:
    """Seeds write as of a day: its noon, moving on by nothing."""
    with clock.frozen(datetime.combine(day, day_time(12), clock.zone()).astimezone(UTC)):
        yield
