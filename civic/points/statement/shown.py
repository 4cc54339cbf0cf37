"""A line of the statement in the reader's words: what it was, how it was computed, what became of it, and the page of its cause.

Words are made from reason and numbers when somebody reads, so a line of last year speaks the language of today's reader.  What stands
behind a line is asked from the module that registered its kind (`Module.sources`); this module knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.core import clock
from civic.core.i18n import format_day, format_moment
from civic.core.registry import Link, the_registry
from civic.points import addresses, amounts, labels
from civic.points.models import Reason, WalletKind
from civic.points.queries import Held
from civic.points.statement.lines import HoldEnd, HoldStory, Line

CAME = {
    Reason.earned: _p("statement", "Points for service"),
    Reason.overflow: _p("statement", "Flowed over into the pool"),
    Reason.corrected: _p("statement", "Correction of hours"),
    Reason.donated: _p("statement", "Gift to the household"),
    Reason.granted: _p("statement", "Granted"),
    Reason.reversed: _p("statement", "Entry put right"),
    Reason.moved: _p("statement", "From another wallet"),
    Reason.opening: _p("statement", "Brought along from before"),
}
WENT = {
    Reason.recovered: _p("statement", "Paid what was due"),
    Reason.corrected: _p("statement", "Correction of hours"),
    Reason.spent: _p("statement", "Points used"),
    Reason.exchange: _p("statement", "A neighbour's help"),
    Reason.donated: _p("statement", "Given away"),
    Reason.reversed: _p("statement", "Entry taken back"),
    Reason.expired: _p("statement", "Points expired"),
    Reason.moved: _p("statement", "To another wallet"),
}
#: a hold that spent nothing (yet)
SET_ASIDE = {
    HoldEnd.live: _p("statement", "Set aside"),
    HoldEnd.returned: _p("statement", "Set aside and given back"),
    HoldEnd.lapsed: _p("statement", "Set aside and given back"),
    HoldEnd.prolonged: _p("statement", "Set aside for longer"),
}
FOR = {Reason.exchange: _p("held for", "a neighbour's help")}
PAID = (Reason.spent, Reason.exchange)  # what a price explains; hours explain themselves


class Ruled(str):
    """The note that names the version of the rules; a page links it to what that version says."""

    __slots__ = ()


@dataclass(frozen=True)
class Shown:
    """A line as it stands on page and paper.  amount: with its sign; after: '' where it is not said; tag: (kind, words) or None.

    anchor: the line's name on the page and its number on paper; one of the notes is `Ruled`, by the version `rule`.
    """

    id: int
    anchor: str
    at: datetime
    day: str
    title: str
    href: str
    notes: tuple[str, ...]
    rule: str
    amount: str
    after: str
    tag: tuple[str, str] | None
    is_quiet: bool  # moved nothing in the end

    @property
    def told(self) -> list[tuple[str, str]]:
        """Notes with the page that each leads to, '' for none."""
        return linked(self.notes, self.rule)


def linked(notes: Sequence[str], rule: str) -> list[tuple[str, str]]:
    return [(note, addresses.rules(rule) if isinstance(note, Ruled) else "") for note in notes]


def shown(lines: Sequence[Line]) -> list[Shown]:
    """Lines in words; causes are asked once for all of a kind."""
    links = the_registry().links_of(line.source for line in lines)
    here = {line.id for line in lines}
    return [_shown(line, links.get(line.source), here) for line in lines]


def _shown(line: Line, link: Link | None, here: set[int]) -> Shown:
    title, cause = _title(line), link.label if link else _cause(line)
    return Shown(
        id=line.id,
        anchor=line.anchor,
        at=line.at,
        day=format_day(clock.local(line.at).date()),
        title=pgettext("statement", "%(what)s: %(cause)s") % {"what": title, "cause": cause} if cause else title,
        href=_own_page(line, here) or (link.href if link else ""),
        notes=notes_of(line, link),
        rule=line.policy,
        amount=signed(line.effect),
        after=amounts.text(line.after) if line.after is not None else "",
        tag=_tag(line.hold) if line.hold else None,
        is_quiet=line.effect == 0,
    )


def _own_page(line: Line, here: set[int]) -> str:
    """The receipt of a gift; the line that this one takes back, on the same page or where it stands."""
    if line.reason is Reason.donated and line.sign < 0:
        return addresses.receipt(line.first_id)
    if line.reason is Reason.reversed and line.reverses:
        return f"#line-{line.reverses}" if line.reverses in here else addresses.line(line.wallet, line.reverses)
    return ""


def signed(amount: int) -> str:
    """250 → "+2.50", -250 → "−2.50", 0 → "0.00"."""
    return ("+" if amount > 0 else "−" if amount < 0 else "") + amounts.text(abs(amount))


def _title(line: Line) -> str:
    if line.hold is not None and line.hold.end in SET_ASIDE:
        return str(SET_ASIDE[line.hold.end])
    if line.reason is Reason.earned and line.detail.get("class") == "exchange":
        return pgettext("statement", "Help for a neighbour")
    if line.reason is Reason.moved and line.sign < 0 and line.other is WalletKind.care_pool:
        return pgettext("statement", "To the care pool")
    table = CAME if line.sign > 0 else WENT
    return str(table.get(line.reason, pgettext("statement", "Points moved")))


def _cause(line: Line) -> str:
    """What a line was about, where no module tells it."""
    if line.reason in (Reason.earned, Reason.corrected) and "type" in line.detail:
        return labels.inside(labels.service(line.detail["type"]))
    return str(FOR[line.reason]) if line.hold is not None and line.hold.end in SET_ASIDE and line.reason in FOR else ""


def _tag(hold: HoldStory) -> tuple[str, str] | None:
    return ("wait", pgettext("statement", "Not used yet")) if hold.end is HoldEnd.live else None


# ---- sentences ------------------------------------------------------------------------------------------------------------
def notes_of(line: Line, link: Link | None, *, at_desk: bool = False) -> tuple[str, ...]:
    """How it was computed and what became of it; one of the notes names the version of the rules.

    at_desk: without what speaks to the owner; the wallet on the other side stands in a column of its own there.
    """
    if line.hold is not None:
        notes = [_hold_words(line, line.hold), *_price(line, link)]
    else:
        notes = [*(_price(line, link) if line.reason in PAID else []), *_words(line, at_desk=at_desk)]
    notes = [note if isinstance(note, Ruled) else str(note) for note in (*notes, *_years(line)) if note]
    return tuple(notes if any(isinstance(note, Ruled) for note in notes) else [*notes, Ruled(_("By rule %(number)s", number=line.policy))])


def _words(line: Line, *, at_desk: bool) -> list[str]:
    return [] if at_desk and line.reason is Reason.donated else _WORDS.get(line.reason, _nothing)(line)


def _price(line: Line, link: Link | None) -> list[str]:
    """What the cause says of its price, as 2.0 h × 1.00 of an exchange."""
    if link is None or not link.hint:
        return []
    return [Ruled(_("%(formula)s, rule %(number)s", formula=link.hint, number=line.policy))]


def _nothing(_line: Line) -> list[str]:
    return []


def _earned(line: Line) -> list[str]:
    return [*_formula(line), *_served(line), _to_pool(line)]


def _formula(line: Line) -> list[str]:
    """2.0 h × 1.00, first-aid post, rule 2026-3."""
    told = line.detail
    if "counted" not in told:
        return []
    words = {
        "time": hours_words(told["counted"]),
        "rate": amounts.text(told["rate"]),
        "service": labels.inside(labels.service(told["type"])),
        "number": line.policy,
    }
    found: list[str] = [Ruled(_("%(time)s × %(rate)s, %(service)s, rule %(number)s", **words))]
    if told["minutes"] != told["counted"]:
        found.append(_why_fewer(told["minutes"], told["counted"], line.rounding))
    if told["revision"] > 1:
        found.append(_differs(line))
    return found


def _differs(line: Line) -> str:
    if line.reason is Reason.earned and line.went.back:
        words = {"amount": amounts.text(line.went.back)}
        return _(
            "These hours no longer count as a group's: %(amount)s points left the care pool, and all of them are booked anew.", **words
        )
    return _("These hours were changed; this line books the difference to what was booked before.")


def _why_fewer(minutes: int, counted: int, rounding: int) -> str:
    given = hours_words(minutes)
    if counted == minutes // rounding * rounding:
        return _("Served %(given)s; time is rounded down to %(step)s minutes.", given=given, step=rounding)
    if not counted:
        return _("Served %(given)s; other hours of that day had already reached the most that earns points.", given=given)
    return _("Served %(given)s; the rest is above the most that earns points in a day.", given=given)


def _served(line: Line) -> list[str]:
    """The day of the service, where it was booked on another one."""
    on = line.detail.get("on")
    if not on or date.fromisoformat(on) == clock.local(line.at).date():
        return []
    return [_("Service on %(day)s", day=format_day(date.fromisoformat(on)))]


def _to_pool(line: Line) -> str:
    """What of these hours went to the care pool, and why."""
    words = {"amount": amounts.text(line.went.pool), "cap": amounts.short(line.cap)}
    if not line.went.pool:
        return ""
    if line.went.why == "donated":
        return _(
            "%(amount)s points went to the care pool: the group that served these hours gives its points to neighbours in need.", **words
        )
    if line.went.why == "closed":
        return _("%(amount)s points went to the care pool: this wallet was closed.", **words)
    if not line.amount:
        return _("All %(amount)s points went to the care pool: this wallet was full, it keeps at most %(cap)s.", **words)
    return _("%(amount)s more points went to the care pool: a wallet keeps at most %(cap)s.", **words)


def _corrected(line: Line) -> list[str]:
    if "counted" not in line.detail:
        return []
    words = {"time": hours_words(line.detail["counted"])}
    if line.went.why == "donated":
        told = _("These hours count as a group's now: %(time)s.", **words)
        return [told, *_formula(line)[:1], *_served(line), _to_pool(line), *_taken_elsewhere(line)]
    return [_("The hours were put right: now %(time)s count.", **words), *_formula(line)[:1], *_served(line), *_taken_elsewhere(line)]


def _taken_elsewhere(line: Line) -> list[str]:
    """What a correction did not take from this wallet."""
    went, found = line.went, []
    if went.back:
        found.append(_("%(amount)s points came back from the care pool, where they had gone.", amount=amounts.text(went.back)))
    if went.set_off:
        found.append(_("%(amount)s points of these hours had been taken back before, by another line.", amount=amounts.text(went.set_off)))
    if went.due:
        found.append(_("%(amount)s points were used already. They are due now; what comes next pays them.", amount=amounts.text(went.due)))
    if not found and not line.amount:
        found.append(_("The points stay as they were."))
    return found


def _overflow(line: Line) -> list[str]:
    """A row of the care pool, as the desk lists it: of hours, or of points that a full wallet could not take."""
    why = {"donated": _("Their group gives its points."), "closed": _("The wallet that they were for was closed.")}
    return [*_formula(line), why.get(line.detail.get("why", ""), _("The wallet that they were for was full."))]


def _recovered(line: Line) -> list[str]:
    due = line.detail.get("due", line.amount)
    words = {"due": amounts.text(due), "left": amounts.text(due - line.amount)}
    if due == line.amount:
        return [_("%(due)s points had been taken back when they were already used; this pays them.", **words)]
    return [_("%(due)s points had been taken back when they were already used; %(left)s are still due.", **words)]


def _donated(line: Line) -> list[str]:
    if line.sign > 0:
        return [_("From a member of the household.")]
    return [_("To the care pool, for neighbours in need.") if line.other is WalletKind.care_pool else _("To the wallet of your household.")]


def _granted(line: Line) -> list[str]:
    if line.other is WalletKind.care_pool:
        return [_("From the care pool; two people decided it.")]
    return [_("Newly issued; two people decided it.")]


def _reversed(line: Line) -> list[str]:
    if "moved" in line.detail:  # operations/lives.py: nobody decided about these points
        return [_("A merge, or a death recorded by mistake, was undone; these points had moved with it.")]
    if line.reversed_at is None:
        return []
    words = {"amount": amounts.text(line.reversed_amount), "day": format_day(clock.local(line.reversed_at).date())}
    return [_("Takes back %(amount)s points that were booked on %(day)s; two people decided it.", **words)]


def _expired(_line: Line) -> list[str]:
    return [_("They had reached the last day on which they counted.")]


def _moved(line: Line) -> list[str]:
    if line.sign < 0 and line.other is WalletKind.care_pool:
        return [_("This wallet was closed; its points went to the care pool, for neighbours in need.")]
    if line.sign < 0:
        return [_("This wallet was closed; its points went on to the one that follows it.")]
    return [_("A wallet that this one follows was closed.")]


def _opening(_line: Line) -> list[str]:
    return [_("What your community had written down before this ledger began.")]


_WORDS: dict[Reason, Callable[[Line], list[str]]] = {
    Reason.earned: _earned,
    Reason.overflow: _overflow,
    Reason.corrected: _corrected,
    Reason.recovered: _recovered,
    Reason.donated: _donated,
    Reason.granted: _granted,
    Reason.reversed: _reversed,
    Reason.expired: _expired,
    Reason.moved: _moved,
    Reason.opening: _opening,
}


def _hold_words(line: Line, hold: HoldStory) -> str:
    """A hold in one sentence, from being set aside to its end."""
    words = {
        "amount": amounts.text(line.amount),
        "spent": amounts.text(hold.spent),
        "back": amounts.text(line.amount - hold.spent),
        "day": format_day(clock.local(hold.ended_at).date(), year=False) if hold.ended_at else "",
        "until": format_moment(hold.until),
    }
    if hold.end is HoldEnd.live:
        return _("%(amount)s points are set aside until %(until)s; what is not used comes back.", **words)
    if hold.end is HoldEnd.spent:
        return _("Set aside on this day and used on %(day)s.", **words)
    if hold.end is HoldEnd.partly:
        return _("%(amount)s points were set aside; %(spent)s were used on %(day)s, %(back)s came back.", **words)
    if hold.end is HoldEnd.prolonged:
        return _("%(amount)s points were set aside for longer on %(day)s; the later line goes on from here.", **words)
    if hold.end is HoldEnd.lapsed:
        return _("%(amount)s points were set aside until %(until)s. The time is over, they came back.", **words)
    return _("%(amount)s points were set aside and came back on %(day)s.", **words)


def _years(line: Line) -> list[str]:
    """From which years the points were, where it was more than one."""
    if len({year for year, _amount in line.years}) < 2:
        return []
    parts = [pgettext("years of points", "%(year)s: %(amount)s") % {"year": y, "amount": amounts.text(a)} for y, a in line.years]
    return [_("Points of the years %(years)s", years="; ".join(parts))]


def hours_words(minutes: int) -> str:
    """120 → "2.0 h", 80 → "1 h 20 min"."""
    if minutes % 6 == 0:
        return pgettext("length of time", "%(hours)s h") % {"hours": f"{minutes / 60:.1f}"}
    whole, rest = divmod(minutes, 60)
    if not whole:
        return pgettext("length of time", "%(minutes)s min") % {"minutes": rest}
    return pgettext("length of time", "%(hours)s h %(minutes)s min") % {"hours": whole, "minutes": rest}


# ---- what is set aside, what expires --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ShownHold:
    """Points set aside: for what, until when."""

    title: str
    href: str
    amount: str
    until: datetime


def holds(rows: Sequence[Held]) -> list[ShownHold]:
    links = the_registry().links_of(row.source for row in rows)
    found = []
    for row in rows:
        link = links.get(row.source)
        title = str(link.label) if link else str(FOR.get(row.reason, pgettext("held for", "something you reserved")))
        found.append(ShownHold(title, link.href if link else "", amounts.text(row.amount), row.until))
    return found
