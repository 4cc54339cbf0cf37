"""`civic keys`: recovery sheets on paper, joining two halves again, and the change of keys."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from civic.commands.serving import usage
from civic.config import ConfigurationError, Settings
from civic.core import clock, crypto, rekey, rekey_check, rekey_sheets


@click.group("keys")
def keys_group() -> None:
    """Data keys: print recovery sheets, join two halves, change the key."""


def _settings() -> Settings:
    settings: Settings = current_app.extensions["civic"].settings
    try:
        settings.require_keys()
    except ConfigurationError as error:
        raise usage(str(error)) from None
    return settings


@keys_group.command("print")
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file to print, with QR; only you can read it.")
@with_appcontext
def print_sheets(file: Path | None) -> None:
    """Each data key in two halves; one half alone tells nothing.  The halves of two printings do not fit together."""
    _settings()
    pairs = [rekey_sheets.split(key) for key in crypto.held_keys()]
    halves = [pair[which] for which in (0, 1) for pair in pairs]  # all A halves, then all B halves: two piles of paper
    if file is not None:
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise usage(f"{file} exists already; a sheet is never written over another one.") from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(rekey_sheets.html(halves, f"{clock.today():%Y-%m-%d}"))
        click.echo(f"Written to {file}. Print it, give the halves to two people, then delete the file.")
        return
    for half in halves:
        click.echo("\n".join(half.lines()) + "\n")
    click.echo("Give half A and half B to two people, in two places, away from the backups. `civic keys join` checks them.")


@keys_group.command("join")
@click.option("--file", "files", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True, help="A half; twice.")
@click.option("--reveal", is_flag=True, help="Print the key, to put it into CIVIC_DATA_KEY again.")
@with_appcontext
def join_halves(files: tuple[Path, ...], reveal: bool) -> None:
    """Check two typed halves; a wrong letter is named by its line."""
    if files and len(files) != 2:
        raise usage("Two halves are needed: --file FIRST --file SECOND.")
    typed = [file.read_text("utf-8") for file in files] if files else [_typed("First"), _typed("Second")]
    halves = []
    for which, text in zip(("First", "Second"), typed, strict=True):
        try:
            halves.append(rekey_sheets.read(text))
        except rekey_sheets.SheetError as error:
            raise click.ClickException(f"{which} half: {error}") from None
    try:
        key = rekey_sheets.join(*halves)
    except rekey_sheets.SheetError as error:
        raise click.ClickException(str(error)) from None
    settings: Settings = current_app.extensions["civic"].settings
    held = settings.data_keys and crypto.key_id(key) in crypto.fingerprints()
    click.echo(f"The halves give key {crypto.key_id(key)}. {'This site holds it.' if held else 'This site does not hold it.'}")
    if reveal:
        click.echo(key)


def _typed(which: str) -> str:
    """The lines of one half, up to an empty one."""
    click.echo(f"{which} half, line by line as printed, then an empty line:", err=True)
    lines: list[str] = []
    for line in sys.stdin:
        if not line.strip() and lines:
            break
        if line.strip():
            lines.append(line)
    return "".join(lines)


@keys_group.command("rotate")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; progress goes to the other stream.")
@click.option("--new", is_flag=True, help="Make a new key although older ones are still listed.")
@with_appcontext
def rotate(as_json: bool, new: bool) -> None:
    """Make a new key, or seal everything with the first one again.

    Run it, put the key it prints first, restart every process, run it again: it goes on where it was broken off, and says when an old
    key is unused.  A demonstration's own keys.env is written by the command itself.
    """
    settings = _settings()
    held = crypto.fingerprints()
    if new or (len(held) == 1 and not rekey_check.work_left(held[0])):
        key = secrets.token_urlsafe(48)
        if settings.keys_file is None:
            _hand_out(key, as_json)
            return
        put_first(settings.keys_file, key)
        click.echo(f"Key {crypto.key_id(key)} now stands first in {settings.keys_file}.", err=as_json)
    report = rekey.rotate(lambda table, done, total: click.echo(f"{table}: {done:,} of {total:,}", err=as_json))
    _tell(report, as_json)
    if report.left:
        raise SystemExit(1)


def _hand_out(key: str, as_json: bool) -> None:
    """A new key for whoever keeps the settings.  Nothing is sealed with it before every process holds it."""
    named = crypto.key_id(key)
    if as_json:
        click.echo(json.dumps({"new_key": key, "key": named, "put_first_in": "CIVIC_DATA_KEY"}))
        return
    click.echo(f"A new key, {named}:\n\n  {key}\n")
    click.echo("1. Put it first in CIVIC_DATA_KEY, a comma behind it, the keys that stand there now after the comma.")
    click.echo("2. Stop and start the server and the scheduler on every machine.")
    click.echo("3. Run `civic keys rotate` again; it may be broken off and goes on. Then print new sheets: `civic keys print`.")


def put_first(file: Path, key: str) -> None:
    """Write the key before the others of a keys.env.  The file is replaced as a whole: running processes read all of it or none."""
    lines = file.read_text("utf-8").splitlines()
    changed = [f"CIVIC_DATA_KEY={key},{line.partition('=')[2].strip()}" if line.startswith("CIVIC_DATA_KEY=") else line for line in lines]
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix="keys.")  # 0600 from the start
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write("\n".join(changed) + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(name, file)


def _tell(report: rekey.Report, as_json: bool) -> None:
    if as_json:
        left = [{"table": v.table, "row": v.row, "what": v.what} for v in report.left]
        click.echo(json.dumps({"key": report.key, "rows": report.rows, "left": left, "used": report.used, "unused": report.unused}))
        return
    for table, count in report.rows.items():
        if count:
            click.echo(f"{table}: {count:,} rows sealed with key {report.key}")
    for each in report.left:
        click.echo(f"{each.table} {each.row}: {each.what}")
    reasons = rekey_check.kept_by()
    for key, places in report.used.items():
        if key != report.key:
            for place, count in places.items():
                click.echo(f"Key {key} is still named by {count:,} in {place}{': ' + reasons[place] if place in reasons else ''}")
    for key in report.unused:
        click.echo(
            f"Key {key} is unused. Wait a day (forms open in browsers), then take it out of CIVIC_DATA_KEY; keep its sheets for old backups."
        )
    if not report.left:
        click.echo(f"Everything that can be is sealed with key {report.key}.")
