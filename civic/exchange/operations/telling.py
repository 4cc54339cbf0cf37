"""Messages to the two of an exchange, in each one's language; the dead, the emptied and closed accounts get none."""

from __future__ import annotations

from civic.core.messages.receivers import Receiver, contacts_of
from civic.core.messages.sending import send
from civic.exchange import addresses
from civic.exchange.models import Exchange, Listing
from civic.exchange.queries.parties import Party, parties
from civic.points.amounts import short

TOPIC = "exchange"


def tell(row: Exchange, template: str, *, by: int | None = None, words: str = "", minutes: int | None = None, moved: int = 0) -> None:
    """One message to each of the two.

    by: the row of the one who acted, None for the site or a social worker; her own message says so.  words: of the one who acted.
    minutes: those it is about, the agreed ones by default.  moved: hundredths that left the requester's wallet.
    """
    people = parties([row.requester_id, row.helper_id])
    reached = contacts_of("person", [party.id for party in people.values()])
    for row_id, other_id in ((row.requester_id, row.helper_id), (row.helper_id, row.requester_id)):
        mine, other = people[row_id], people[other_id]
        if mine.id in reached:
            _send(row, template, mine, other, by=by, words=words, minutes=minutes, moved=moved)


def tell_one(row: Exchange, to: int, template: str, *, words: str = "", stars: int = 0) -> None:
    """One message to one of the two.  to: the row that the exchange names."""
    people = parties([row.requester_id, row.helper_id])
    other = people[row.helper_id if to == row.requester_id else row.requester_id]
    if people[to].id in contacts_of("person", [people[to].id]):
        _send(row, template, people[to], other, by=other.row_id, words=words, minutes=None, moved=0, stars=stars)


def _send(
    row: Exchange, template: str, mine: Party, other: Party, *, by: int | None, words: str, minutes: int | None, moved: int, stars: int = 0
) -> None:
    send(
        Receiver("person", mine.id), TOPIC, template, href=addresses.exchange(row.uid), urgent=False,
        title=row.listing.title, other=other.name, is_mine=by == mine.row_id, helps=mine.row_id == row.helper_id, words=words,
        minutes=row.minutes if minutes is None else minutes, meet_at=row.meet_at, due_at=row.due_at, points=short(row.amount or 0),
        moved=short(moved), station=row.station, state=row.state.value, stars=stars,
    )  # fmt: skip


def tell_owner(row: Listing, person_id: int, template: str, *, words: str = "") -> None:
    """A message about her listing."""
    if person_id in contacts_of("person", [person_id]):
        send(
            Receiver("person", person_id), TOPIC, template, href=addresses.listing(row.uid), title=row.title, words=words,
            until_on=row.until_on,
        )  # fmt: skip
