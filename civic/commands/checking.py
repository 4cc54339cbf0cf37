"""`civic check` and `civic i18n`: is everything that must be true still true."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from flask.cli import with_appcontext

from civic import paths
from civic.core import audit, closes, progress
from civic.core.registry import Violation, the_registry

PLACES = re.compile(r"%\((\w+)\)[sd]")
EVERY = 5.0  # seconds between two lines of progress where there is no terminal


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Long checks say how far they are: on a terminal in one line that is written over, otherwise in plain lines; on standard error."""
    shows, last = sys.stderr.isatty(), time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last < (0.1 if shows else EVERY):
            return
        last = time.monotonic()
        words = f"{what}: {done} of {total} ({done * 100 // total} %)" if total else f"{what} …"
        click.echo(f"\r\x1b[K{words}" if shows else words, err=True, nl=not shows)

    with progress.heard_by(tell):
        yield
    if shows:
        click.echo("\r\x1b[K", err=True, nl=False)


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@with_appcontext
def check(as_json: bool) -> None:
    """Recompute every invariant and name each violation by table and row; exit 1 when there is one."""
    found: dict[str, list[Violation]] = {}
    for each in the_registry().all_of("checks"):
        with _told():
            found[each.name] = list(each.run())
        if not as_json:
            click.echo(f"{'ok' if not found[each.name] else 'FAULT':6}{each.name}")
            for violation in found[each.name]:
                click.echo(f"      {violation.table} {violation.row}: {violation.what}")
    count, since = audit.unsealed_tail()
    tails = {book.name: closes.open_tail(book) for book in the_registry().all_of("books")}
    total = sum(map(len, found.values()))
    if as_json:
        violations = [{"check": name, "table": v.table, "row": v.row, "what": v.what} for name, rows in found.items() for v in rows]
        unsealed = {"count": count, "since": since and since.isoformat()}
        unclosed = {book: {"count": number, "since": oldest and oldest.isoformat()} for book, (number, oldest) in tails.items()}
        click.echo(json.dumps({"checks": list(found), "violations": violations, "unsealed": unsealed, "unclosed": unclosed}))
    else:
        click.echo(f"Audit lines not sealed yet: {count}" + (f", since {since:%Y-%m-%d %H:%M} UTC" if since else ""))
        for book, (number, oldest) in tails.items():
            click.echo(f"Rows of {book} in no close yet: {number}" + (f", since {oldest:%Y-%m-%d %H:%M} UTC" if oldest else ""))
        click.echo("Nothing is wrong." if not total else f"{total} violation(s).")
    if total:
        raise SystemExit(1)


@click.group("i18n")
def i18n() -> None:
    """The catalogue of words."""


@i18n.command("check")
def check_words() -> None:
    """Every message has its Chinese, no fuzzy one, the same named places in both; exit 1 otherwise."""
    faults = 0
    for path in sorted(paths.TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        with path.open("rb") as file:
            catalogue: Catalog = read_po(file)
        for message in catalogue:
            for fault in faults_of(message) if message.id else ():
                faults += 1
                click.echo(f"{path.parent.parent.name}: {fault}: {message.id!r}")
    if faults:
        raise SystemExit(1)
    click.echo("All messages are translated.")


def faults_of(message: Message) -> list[str]:
    """What is wrong with one message."""
    originals = message.id if isinstance(message.id, (list, tuple)) else [message.id]
    words = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    if message.fuzzy:
        return ["fuzzy"]
    if not words or not all(words):
        return ["not translated"]
    wanted = set(PLACES.findall(originals[-1]))
    given = set().union(*(PLACES.findall(w or "") for w in words))
    if wanted - {"num"} != given - {"num"}:
        return [f"named places differ: {sorted(wanted ^ given)}"]
    return []
