"""`civic close-days`: close the days of a book by hand, also after a time in which nothing at all was written."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import with_appcontext

from civic.commands.serving import usage
from civic.core import clock
from civic.core.closes import CloseBlocked, close_day
from civic.core.registry import the_registry


@click.command("close-days")
@click.argument("name")
@click.option("--after-a-gap", is_flag=True, help="The clock is right: the site really stood still that long.")
@with_appcontext
def close_days(name: str, after_a_gap: bool) -> None:
    """Close every day of a book (as `points`) up to yesterday; says first what the clock shows."""
    book = next((each for each in the_registry().all_of("books") if each.name == name), None)
    if book is None:
        raise usage(f"there is no book {name}")
    click.echo(f"The clock shows {clock.local(clock.now()):%Y-%m-%d %H:%M}.")
    try:
        made = close_day(book, clock.today() - timedelta(days=1), after_a_gap=after_a_gap)
    except CloseBlocked as refusal:
        raise click.ClickException(refusal.message) from None
    click.echo(f"Days closed: {len(made)}")
