"""Service for service in words: how long, how much, what stands in an exchange, who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext, pgettext
from markupsafe import Markup, escape

from civic.core import clock
from civic.core.i18n import format_day, format_moment, join_words, lang, plain
from civic.exchange import labels, queries
from civic.exchange.models import Category, ExchangeState, Listing, ListingKind, ListingState
from civic.exchange.queries import Act, Earned, EventView, Party, Row, Rules, Side, Stars, View
from civic.people.records import masked_name
from civic.points.amounts import short
from civic.points.models import Policy

STATE_TAG: dict[ExchangeState, str] = {
    ExchangeState.proposed: "wait",
    ExchangeState.agreed: "good",
    ExchangeState.delivered: "wait",
    ExchangeState.confirmed: "good",
    ExchangeState.disputed: "warn",
    ExchangeState.settled: "good",
    ExchangeState.declined: "off",
    ExchangeState.cancelled: "off",
    ExchangeState.lapsed: "off",
}
LISTING_TAG: dict[ListingState, str] = {
    ListingState.open: "good",
    ListingState.paused: "wait",
    ListingState.ended: "off",
    ListingState.stopped: "bad",
}
KIND_ICON: dict[ListingKind, str] = {ListingKind.offer: "hand", ListingKind.need: "ask"}


def long_words(minutes: int) -> str:
    """90 → "1 hour 30 minutes"."""
    whole, rest = divmod(minutes, 60)
    parts = [ngettext("%(num)s hour", "%(num)s hours", whole)] if whole else []
    if rest or not whole:
        parts.append(ngettext("%(num)s minute", "%(num)s minutes", rest))
    return (" " if lang() == "en" else "").join(parts)


def points_words(amount: int) -> str:
    """Hundredths: 150 → "1.5 points"."""
    return pgettext("points", "1 point") if amount == 100 else _("%(points)s points", points=short(amount))


def worth_words(policy: Policy | None, category: Category, minutes: int) -> str:
    """A length with what it is worth under the rules."""
    if policy is None:
        return long_words(minutes)
    return pgettext("length and worth", "%(time)s: %(points)s") % {
        "time": long_words(minutes), "points": points_words(Rules(policy).worth(category, minutes))
    }  # fmt: skip


def day_of(moment: datetime) -> str:
    """The local day."""
    return format_day(clock.local(moment).date())


def own_words(words: str, language: str) -> Markup:
    """What a person wrote, marked with its language where that is not the reader's."""
    if language == lang():
        return escape(words)
    return Markup('<span lang="{}">{}</span>').format("zh-CN" if language == "zh" else "en", words)


def neighbour(party: Party | None) -> str:
    """How somebody is named to those who have not met her yet."""
    return masked_name(party.name) if party is not None else ""


def stars_words(stars: Stars | None) -> str:
    """Average and how often; '' before the first."""
    if stars is None or not stars.count:
        return ""
    return ngettext("%(stars)s of 5 stars, %(num)s rating", "%(stars)s of 5 stars, %(num)s ratings", stars.count, stars=stars.average)


def speaks_words(row: Listing) -> str:
    return join_words([str(labels.SPEAKS[code]) for code in row.speaks.split() if code in labels.SPEAKS])


@dataclass(frozen=True)
class ShownListing:
    """A listing in a list.  owner: '' for readers who may not know whose it is."""

    row: Listing
    owner: str = ""
    stars: str = ""

    @property
    def title(self) -> Markup:
        return own_words(self.row.title, self.row.lang)

    @property
    def kind(self) -> str:
        return str(labels.KIND[self.row.kind])

    @property
    def icon(self) -> str:
        return KIND_ICON[self.row.kind]

    @property
    def facts(self) -> list[str]:
        row = self.row
        return [str(labels.CATEGORY[row.category]), long_words(row.minutes), str(labels.PLACE[row.place]), speaks_words(row)]

    @property
    def tag(self) -> tuple[str, str]:
        """For its owner and the desk: how it stands."""
        if self.row.state in (ListingState.open, ListingState.paused) and queries.is_over(self.row):
            return "off", pgettext("listing", "Its last day is over")
        return LISTING_TAG[self.row.state], str(labels.LISTING[self.row.state])


def listings_shown(rows: list[Listing], *, with_owners: bool) -> list[ShownListing]:
    """Rows of a list; whose they are and their stars in two statements for all."""
    if not with_owners or not rows:
        return [ShownListing(row) for row in rows]
    people = queries.parties(row.person_id for row in rows)
    stars = queries.stars_of(party.id for party in people.values())
    return [
        ShownListing(
            row, neighbour(people.get(row.person_id)), stars_words(stars.get(people[row.person_id].id)) if row.person_id in people else ""
        )
        for row in rows
    ]


# ---- an exchange ------------------------------------------------------------------------------------------------------------


def what_stands(view: View) -> str:
    """In one or two sentences, to the one whose page it is."""
    said = _SAID[view.state]
    return said(view, {"name": view.other.name, "time": format_moment(view.exchange.meet_at), "long": long_words(view.exchange.minutes)})


def _proposed(view: View, words: dict[str, str]) -> str:
    if view.turn is view.side:
        return _("%(name)s proposes %(time)s, for %(long)s. Say yes or no, or propose another time.", **words)
    return _("You proposed %(time)s, for %(long)s. Now %(name)s has to answer; without an answer until then it ends by itself.", **words)


def _agreed(view: View, words: dict[str, str]) -> str:
    points = points_words(view.exchange.amount or 0)
    if view.side is Side.requester:
        return _(
            "You two agreed. %(points)s of yours are held and leave only when both have said that it was done.", points=points, **words
        )
    return _("You two agreed. When it was done and both have said so, you get points: %(points)s for %(long)s.", points=points, **words)


def _delivered(view: View, words: dict[str, str]) -> str:
    row = view.exchange
    words["done"] = long_words(row.delivered_minutes or row.minutes)
    words["until"] = format_moment(row.due_at) if row.due_at else ""
    if (row.requester_confirmed_at if view.side is Side.requester else row.helper_confirmed_at) is not None:
        return _("You said that it was done: %(done)s. %(name)s can confirm until %(until)s; silence counts as yes.", **words)
    return _(
        "%(name)s says that it was done: %(done)s. Confirm it, or say what was different. Without a word it counts as yes on %(until)s.",
        **words,
    )


def _confirmed(view: View, _words: dict[str, str]) -> str:
    row = view.exchange
    if row.state is ExchangeState.delivered:
        return _("It counts as done. The points move as soon as nothing stands in their way.")
    return _finished(view, row.delivered_minutes or 0)


def _finished(view: View, minutes: int) -> str:
    words = {"done": long_words(minutes), "points": points_words(queries.owed(view.exchange, minutes))}
    if view.side is Side.requester:
        return _("Done: %(done)s. You used %(points)s; nothing more is held.", **words)
    return _helped(view.earned, minutes, words)


def _helped(earned: Earned | None, minutes: int, words: dict[str, str]) -> str:
    """What the helper got, and why it was nothing."""
    if earned is not None and earned.kept:
        return _("Done: %(done)s. You got points for it; the statement says how they were counted.", **words)
    if earned is None:
        return _("Done: %(done)s. Thank you for your help; no points came for it.", **words)
    if earned.amount:
        return _("Done: %(done)s. Thank you for your help; its points went to the care pool, and the statement says why.", **words)
    if minutes < earned.least:
        return _("Done: %(done)s. Thank you for your help; less than %(least)s minutes bring no points.", least=earned.least, **words)
    return _(
        "Done: %(done)s. Thank you for your help; no points came, because other hours of that day had already reached the most that earns points.",
        **words,
    )


def _disputed(view: View, _words: dict[str, str]) -> str:
    day = format_day(view.dispute.row.answer_by_on) if view.dispute else ""
    return _(
        "You two see it differently. A social worker listens to both and decides by %(day)s; until then the points stay held.", day=day
    )


def _settled(view: View, _words: dict[str, str]) -> str:
    minutes = (view.dispute.row.decided_minutes if view.dispute else 0) or 0
    if not minutes:
        return _("A social worker decided that nothing counts. The points that were held are free again.")
    return _("A social worker decided.") + (" " if lang() == "en" else "") + _finished(view, minutes)


def _over(view: View, _words: dict[str, str]) -> str:
    if view.exchange.hold_id is None:
        return _("It did not come about. No points were held.")
    return _("It did not take place. The points that were held are free again.")


_SAID: dict[ExchangeState, Any] = {
    ExchangeState.proposed: _proposed,
    ExchangeState.agreed: _agreed,
    ExchangeState.delivered: _delivered,
    ExchangeState.confirmed: _confirmed,
    ExchangeState.disputed: _disputed,
    ExchangeState.settled: _settled,
    ExchangeState.declined: _over,
    ExchangeState.cancelled: _over,
    ExchangeState.lapsed: _over,
}


def place_words(view: Row) -> list[str]:
    """Where they meet: the station, else what the listing says."""
    station = view.exchange.station
    if station is None:
        return [str(labels.PLACE[view.exchange.listing.place])]
    return [plain(station.name), plain(station.address)]


def facts_of(view: Row) -> list[tuple[str, Any]]:
    """What both agreed on, for the page and the desk."""
    row = view.exchange
    helps = pgettext("exchange", "Helps") if view.side is None or view.side is Side.requester else pgettext("exchange", "Is helped")
    held = row.amount if view.state in (ExchangeState.agreed, ExchangeState.delivered, ExchangeState.disputed) else None
    return [
        (helps, view.other.name),
        (pgettext("exchange", "Is helped"), view.requester.name if view.side is None else ""),
        (pgettext("exchange", "When"), format_moment(row.meet_at)),
        (pgettext("exchange", "How long"), long_words(row.delivered_minutes or row.minutes)),
        (pgettext("exchange", "Where"), place_words(view)),
        (pgettext("exchange", "Held points"), short(held) if held else ""),
    ]


@dataclass(frozen=True)
class ShownEvent:
    """A line of the history."""

    who: str
    what: str
    words: str
    at: datetime
    is_mine: bool

    @property
    def gap(self) -> str:
        """What stands between who and what."""
        return " " if self.who and lang() == "en" else ""


def history(view: View, *, with_words: bool = True) -> list[ShownEvent]:
    return [_line(view, event, with_words=with_words) for event in view.events]


def _line(view: View, event: EventView, *, with_words: bool) -> ShownEvent:
    is_mine = event.side is not None and event.side is view.side
    who = "" if event.by is None else pgettext("exchange", "You") if is_mine else event.by.name
    what = str(labels.VERB[event.verb])
    if event.minutes and event.verb.value in {"delivered", "decided", "settled"}:
        what = pgettext("exchange", "%(what)s: %(time)s") % {"what": what, "time": long_words(event.minutes)}
    if event.at_desk and event.by is not None:
        what = pgettext("exchange", "%(what)s, at the desk") % {"what": what}
    return ShownEvent(who, what, event.words if with_words else "", event.at, is_mine)


#: what stands first on the page, as buttons; the others follow as links
ORDER = (
    Act.accept, Act.confirm, Act.deliver, Act.rate, Act.answer, Act.retime, Act.dispute, Act.decline, Act.cancel,
)  # fmt: skip


def acts_of(view: View) -> list[Act]:
    """What can be done now, the likeliest first; writing has its own box."""
    return [act for act in ORDER if act in view.acts]
