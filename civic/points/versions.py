"""The rules as plain values: what a version says, how it reads in whole sentences, and what differs between two versions.

Words come out in the language of the moment, so a posting asks twice (`force_locale`).  Amounts are hundredths, times minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.points import amounts, labels
from civic.points.models import Policy

ANY = "*"
GENERAL = (ANY, ANY)
POSTED_DAYS = 7  # calendar days that a change hangs at least, counted as postings count
HOUR = 60


@dataclass(frozen=True)
class RuleText:
    """Everything that a version says.  The defaults are those of a new programme.

    rates: ((service type, hour class, hundredths of a point an hour), …), `*` for every other.  threshold, rounding, daily: minutes.
    """

    rates: tuple[tuple[str, str, int], ...] = ((ANY, ANY, 1_00),)
    rounding: int = 30
    daily: int = 480
    threshold: int = 0
    cap: int = 1_500_00
    expiry_years: int = 0
    exchange_days: int = 14
    confirm_days: int = 7
    group_donates: bool = True
    note_zh: str = ""
    note_en: str = ""

    @classmethod
    def of(cls, row: Policy) -> RuleText:
        own = {field.name: getattr(row, field.name) for field in fields(cls) if field.name != "rates"}
        return cls(rates=tuple(sorted((r.service_type, r.hour_class, r.rate) for r in row.rates)), **own)

    def settings(self) -> dict[str, Any]:
        """What a row keeps in its columns."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "rates"}

    def by_key(self) -> dict[tuple[str, str], int]:
        return {(service, hours): rate for service, hours, rate in self.rates}


#: setting → (least, most), in the unit of the column
BOUNDS: dict[str, tuple[int, int]] = {
    "rounding": (1, 120),
    "daily": (30, 1440),
    "threshold": (0, 1000 * HOUR),
    "cap": (1_00, 1_000_000_00),
    "expiry_years": (0, 10),
    "exchange_days": (1, 90),
    "confirm_days": (1, 30),
}
MOST_RATE = 100_00  # hundredths: a hundred points an hour is a typing error


@dataclass(frozen=True)
class Change:
    """One thing that differs, in words; `before` is empty in a first version."""

    what: str
    before: str
    after: str


def hours_words(minutes: int) -> str:
    """480 → "8 hours", 450 → "7.5 hours"."""
    whole, rest = divmod(minutes, HOUR)
    if rest == 0:
        return ngettext("%(num)s hour", "%(num)s hours", whole)
    if minutes < HOUR:
        return ngettext("%(num)s minute", "%(num)s minutes", minutes)
    return _("%(hours)s hours", hours=f"{minutes / HOUR:.2f}".rstrip("0").rstrip("."))


def points_words(amount: int) -> str:
    """150000 → "1,500 points"."""
    whole, _dot, places = amounts.short(amount).partition(".")
    shown = f"{int(whole):,}" + (f".{places}" if places else "")
    return pgettext("points", "1 point") if shown == "1" else _("%(points)s points", points=shown)


def days_words(days: int) -> str:
    return ngettext("%(num)s day", "%(num)s days", days)


def rate_words(rate: int) -> str:
    return _("%(points)s an hour", points=points_words(rate))


def expiry_words(years: int) -> str:
    if not years:
        return pgettext("expiry", "never")
    return ngettext(
        "at the end of the year, %(num)s year after the one in which they came",
        "at the end of the year, %(num)s years after the one in which they came",
        years,
    )


def threshold_words(minutes: int) -> str:
    return _("from the first point on") if not minutes else _("after %(hours)s of service", hours=hours_words(minutes))


def group_words(donates: bool) -> str:
    return _("to the care pool at once") if donates else _("to their own wallets")


_SETTINGS: tuple[tuple[str, Callable[[], str], Callable[[Any], str]], ...] = (
    ("rounding", lambda: _("Minutes are rounded down to"), lambda value: ngettext("%(num)s minute", "%(num)s minutes", value)),
    ("daily", lambda: _("Hours of a day that bring points, at most"), hours_words),
    ("threshold", lambda: _("Points can be spent"), threshold_words),
    ("cap", lambda: _("A wallet keeps at most"), points_words),
    ("expiry_years", lambda: _("When points expire"), expiry_words),
    ("exchange_days", lambda: _("Points of an exchange stay held after the agreed day"), days_words),
    ("confirm_days", lambda: _("After this time without an answer help counts as confirmed"), days_words),
    ("group_donates", lambda: _("Points of volunteers from outside groups go"), group_words),
)


def differences(old: RuleText | None, new: RuleText) -> list[Change]:
    """What changes from one version to the next: rates first, then the settings; without an old one, everything."""
    before, after = old.by_key() if old else {}, new.by_key()
    keys = sorted(before.keys() | after.keys(), key=lambda k: (k != GENERAL, k))
    found = [
        Change(labels.rate_of(*key), _rate(before, key, is_first=old is None), _rate(after, key))
        for key in keys
        if before.get(key) != after.get(key)
    ]
    for name, what, words in _SETTINGS:
        was, now = getattr(old, name) if old else None, getattr(new, name)
        if was != now:
            found.append(Change(what(), "" if was is None else words(was), words(now)))
    return found


def _rate(rates: dict[tuple[str, str], int], key: tuple[str, str], *, is_first: bool = False) -> str:
    if key in rates:
        return rate_words(rates[key])
    return "" if is_first else _("no rate of its own")


def change_words(change: Change) -> str:
    """One line: what, before → now."""
    if not change.before:
        return _("%(what)s: %(after)s", what=change.what, after=change.after)
    return _("%(what)s: %(before)s until now, then %(after)s", what=change.what, before=change.before, after=change.after)


def sentences(text: RuleText) -> list[tuple[str, str]]:
    """The rules in plain words: (head, sentence), for the page that everybody reads."""
    worked = 140 // text.rounding * text.rounding
    general = text.by_key()[GENERAL]
    return [
        (_("What an hour brings"), _("One hour of service brings %(points)s, where the table below says nothing else.", points=points_words(general))),
        (
            _("How minutes count"),
            _(
                "Minutes are rounded down to %(step)s: of 2 hours 20 minutes %(counted)s count.",
                step=ngettext("%(num)s minute", "%(num)s minutes", text.rounding), counted=hours_words(worked),
            ),
        ),
        (
            _("The most of one day"),
            _("On one day at most %(hours)s bring points. The hours themselves are recorded in full.", hours=hours_words(text.daily)),
        ),
        (_("When points can be spent"), _threshold(text.threshold)),
        (
            _("How many points a wallet keeps"),
            _("At most %(points)s. What comes on top goes to the care pool, and from there to households in need.", points=points_words(text.cap)),
        ),
        (_("Whether points expire"), _expiry(text.expiry_years)),
        (
            _("Help between neighbours"),
            _(
                "Points for an agreed exchange stay held until %(days)s after the agreed day, then they come back. When one side has said that "
                "it is done and the other has not answered for %(confirm)s, it counts as confirmed.",
                days=days_words(text.exchange_days), confirm=days_words(text.confirm_days),
            ),
        ),
        (_("Volunteers from outside groups"), _group(text.group_donates)),
        (_("Points are not money"), _("They cannot be bought, sold, or given from one person to another; only to the own household or to the care pool.")),
    ]  # fmt: skip


def _threshold(minutes: int) -> str:
    if not minutes:
        return _("From the first point on.")
    return _("After %(hours)s of service.", hours=hours_words(minutes))


def threshold_why(minutes: int) -> str:
    """Why 0 is the default, and what a threshold does."""
    if not minutes:
        return _(
            "Elsewhere 100 hours of service are asked for before the first point may be spent. Here nothing is asked for. A household that "
            "gets points because it needs care could otherwise shop without hours while nobody else can, and everybody at the counter "
            "would see who is in need."
        )
    return _(
        "Mind what this does: a household that gets points because it needs care can shop without these hours while nobody else can, so at "
        "the counter it can be told who is in need. Without a threshold nobody can tell."
    )


def _expiry(years: int) -> str:
    if not years:
        return _("Points do not expire.")
    return ngettext(
        "Points expire at the end of the year, %(num)s year after the one in which they came. A message goes out 30 and 7 days before.",
        "Points expire at the end of the year, %(num)s years after the one in which they came. A message goes out 30 and 7 days before.",
        years,
    )


def _group(donates: bool) -> str:
    if donates:
        return _("Who comes with a company or school gives the points to the care pool; the hours stay her own.")
    return _("Who comes with a company or school keeps the points like everybody else.")
