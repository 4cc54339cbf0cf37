"""`civic load FILE… [--dry-run] [--json]`: loads lists, or says what loading them would do.

Exit codes: 0 done, 1 rows were rejected or the load stopped, 2 wrong usage.
"""

from __future__ import annotations

import contextlib
import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.errors import DomainError
from civic.core.load.engine import UNKNOWN, Files, Plan, Report, loaders, plan_load
from civic.core.load.lease import LASTS
from civic.core.load.models import LoadRun
from civic.core.load.runs import Progress, run_load
from civic.core.viewer import Actor, Channel

LISTS = {".csv", ".xlsx"}
PATIENCE = LASTS.total_seconds() + 10  # seconds to wait for another load: longer than a dead one holds its lease
EVERY = 1000  # rows between two lines of progress where there is no terminal


@click.command("load")
@click.argument("paths", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check and count only; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@with_appcontext
def load(paths: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Load or update lists from CSV or XLSX files; of a folder, all of its lists."""
    plan = plan_load(_read(paths))
    report = plan.report if dry_run else _write(plan)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=1))
    else:
        for line in report_lines(report, was_written=not dry_run and not report.rejected):
            click.echo(line)
    if report.rejected:
        sys.exit(1)


def _read(paths: tuple[Path, ...]) -> Files:
    """All files, folders opened; named by their last part, or by the whole path where two are called the same."""
    found: list[Path] = []
    for path in paths:
        lists = sorted(p for p in path.iterdir() if p.suffix.lower() in LISTS and p.is_file()) if path.is_dir() else [path]
        if not lists:
            raise click.UsageError(_("The folder %(folder)s holds no CSV or XLSX file.", folder=str(path)))
        found += [p for p in lists if p not in found]
    names = Counter(path.name for path in found)
    try:
        return [(path.name if names[path.name] == 1 else str(path), path.read_bytes()) for path in found]
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error


def _write(plan: Plan) -> Report:
    with _progress(plan.total) as progress:
        try:
            return run_load(Actor(None, job="civic load", channel=Channel.command), plan, progress, patience=PATIENCE)
        except DomainError as refusal:
            raise click.ClickException(refusal.message) from refusal


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Progress]:
    """A bar on a terminal, otherwise a plain line every thousand rows; both on standard error."""
    if sys.stderr.isatty() and total:
        with click.progressbar(length=total, label=pgettext("load", "Loading"), file=sys.stderr) as bar:
            yield lambda run: bar.update(run.done - bar.pos) if run.total == total else None
        return
    told = 0

    def tell(run: LoadRun) -> None:
        nonlocal told
        if run.done - told >= EVERY or (run.done == run.total and run.done > told):
            told = run.done
            click.echo(_("%(done)s of %(total)s rows", done=run.done, total=run.total), err=True)

    yield tell


def report_lines(report: Report, *, was_written: bool) -> Iterator[str]:
    """The report as a table in the site's language, every rejected row below it."""
    titles: dict[str, Any] = {loader.kind: loader.title for loader in loaders()}
    titles[UNKNOWN] = pgettext("list", "Not recognised")
    heads = [
        pgettext("table", "List"),
        pgettext("rows", "added"),
        pgettext("rows", "changed"),
        pgettext("rows", "unchanged"),
        pgettext("rows", "rejected"),
    ]
    rows = [[str(titles.get(k, k)), c.added, c.changed, c.unchanged, len(c.rejected)] for k, c in report.kinds.items()]
    table: list[list[Any]] = [heads, *rows]
    first = max(width(str(row[0])) for row in table)
    for row in table:
        yield padded(str(row[0]), first) + "".join("  " + " " * (9 - width(str(c))) + str(c) for c in row[1:])
    for refused in report.rejected:
        yield f"{refused.file}:{refused.line}: {refused.why}"
    if report.rejected:
        yield _("Nothing was written: %(count)s rejected.", count=len(report.rejected))
    elif was_written:
        yield _("Done: %(count)s rows written.", count=report.total)
    else:
        yield _("Dry run: nothing was written, %(count)s rows would be.", count=report.total)


def width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, to: int) -> str:
    return text + " " * (to - width(text))
