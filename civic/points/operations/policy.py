"""Versions of the rules: drafted, proposed, agreed to by a second person and thereby posted, adopted when the posting is closed.

A version counts from its day on and never backwards (`rules.in_force`).  `from_on` of a draft is empty until it is proposed and again
after every edit, so that nobody agrees to what was changed behind her back.  Nothing changes an adopted version (a trigger refuses).
"""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from flask_babel import force_locale
from flask_babel import gettext as _

from civic.bulletin import clock as posting_clock
from civic.bulletin import operations as bulletin
from civic.bulletin.models import Posting, PostingRun, PostingState
from civic.bulletin.operations.postings import lock_numbers
from civic.core import audit, clock, decrees
from civic.core.atomic import atomic
from civic.core.db import db, locked
from civic.core.i18n import format_day
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from civic.points import amounts, signals
from civic.points.errors import (
    BeforeAnnounced,
    NoGeneralRate,
    NothingChanged,
    NotThisStep,
    OutOfRange,
    PolicyChanged,
    PostingHangs,
    RateTwice,
    TooEarly,
    TooLate,
    VersionOpen,
)
from civic.points.models import Policy, PolicyState, Programme, Rate
from civic.points.operations.seconds import by_account, second_person
from civic.points.versions import BOUNDS, GENERAL, HOUR, MOST_RATE, POSTED_DAYS, RuleText, change_words, differences

TOPIC = "points-rules"
SOURCE = "points_policy"
MOST_AHEAD = timedelta(days=366)
OPEN = (PolicyState.draft, PolicyState.posted)


def draft(actor: Actor, programme_id: int) -> Policy:
    """A copy of the newest adopted version, the defaults in a new programme; number "2026-3": the third of the year.

    One version at a time is written or posted.  Raises VersionOpen.
    """
    maker = by_account(actor)
    with atomic() as tx:
        programme = locked(Programme, programme_id)
        other = db.session.scalars(sa.select(Policy).where(Policy.programme_id == programme.id, Policy.state.in_(OPEN))).first()
        if other is not None:
            raise VersionOpen(number=other.number)
        before = newest(programme.id)
        row = Policy(programme_id=programme.id, number=_next_number(programme.id), maker_id=maker)
        _fill(row, RuleText.of(before) if before is not None else RuleText())
        row.note_zh = row.note_en = ""
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "points.policy_drafted", "points_policy", row.id)
        tx.result = row
    return row


def newest(programme_id: int, but: int | None = None) -> Policy | None:
    """The adopted version with the latest day: in force, or coming.  What a new one is compared with."""
    query = sa.select(Policy).where(Policy.programme_id == programme_id, Policy.state == PolicyState.adopted, Policy.id != (but or 0))
    return db.session.scalars(query.order_by(Policy.from_on.desc(), Policy.id.desc()).limit(1)).first()


def _next_number(programme_id: int) -> str:
    year = f"{clock.today().year}-"
    numbers = db.session.scalars(
        sa.select(Policy.number).where(Policy.programme_id == programme_id, Policy.number.startswith(year, autoescape=True))
    )
    return f"{year}{max((int(number.removeprefix(year)) for number in numbers), default=0) + 1}"


def _fill(row: Policy, text: RuleText) -> None:
    """Put the text into the row; rates are changed in place, because the table has each key once."""
    for name, value in text.settings().items():
        setattr(row, name, value)
    wanted, known = text.by_key(), {(rate.service_type, rate.hour_class): rate for rate in row.rates}
    for key, rate in known.items():
        if key not in wanted:
            row.rates.remove(rate)
    for (service_type, hour_class), value in wanted.items():
        if (service_type, hour_class) in known:
            known[service_type, hour_class].rate = value
        else:
            row.rates.append(Rate(service_type=service_type, hour_class=hour_class, rate=value))


def edit(actor: Actor, policy_id: int, base: int, text: RuleText) -> Policy:
    """Change a draft; a proposed one has to be proposed again.  base: the lock version that was seen.

    Raises PolicyChanged, NotThisStep, OutOfRange, NoGeneralRate, RateTwice.
    """
    maker = by_account(actor)
    with atomic() as tx:
        row = _locked(policy_id, base, PolicyState.draft)
        _check(text)
        _fill(row, text)
        row.from_on, row.maker_id = None, maker
        row.lock_version += 1
        db.session.flush()
        audit.record(actor, "points.policy_edited", "points_policy", row.id, version=row.lock_version)
        tx.result = row
    return row


def _locked(policy_id: int, base: int, *states: PolicyState) -> Policy:
    row = locked(Policy, policy_id)
    if row.state not in states:
        raise NotThisStep
    if row.lock_version != base:
        raise PolicyChanged(current=row.lock_version)
    return row


_AS_TYPED = {"threshold": HOUR, "cap": 100}  # units of the form: hours, points


def _check(text: RuleText) -> None:
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(text, name) <= most:
            unit = _AS_TYPED.get(name, 1)
            raise OutOfRange(field=name, least=least // unit, most=most // unit)
    keys = [(service, hours) for service, hours, _rate in text.rates]
    if len(set(keys)) != len(keys):
        raise RateTwice
    if GENERAL not in keys:
        raise NoGeneralRate
    if any(not 0 <= rate <= MOST_RATE for _service, _hours, rate in text.rates):
        raise OutOfRange(field="rates", least=0, most=amounts.short(MOST_RATE))


def first_day(on: date | None = None) -> date:
    """The first day on which a version can count that is posted on a day (today): the one after the posting's last."""
    counted = posting_clock.run_from(decrees.calendar(), on or clock.today(), POSTED_DAYS, Unit.calendar_day)
    return counted.end_on + timedelta(days=1)


def propose(actor: Actor, policy_id: int, base: int, from_on: date) -> Policy:
    """Say from which day on the draft is to count; a second person agrees then.

    Raises PolicyChanged, NotThisStep, NothingChanged, TooEarly, TooLate.
    """
    maker = by_account(actor)
    with atomic() as tx:
        row = _locked(policy_id, base, PolicyState.draft)
        before = newest(row.programme_id)
        if before is not None and not differences(RuleText.of(before), RuleText.of(row)):
            raise NothingChanged
        _refuse_day(from_on, first_day(), before)
        row.from_on, row.maker_id = from_on, maker
        row.lock_version += 1
        audit.record(actor, "points.policy_proposed", "points_policy", row.id, from_on=from_on.isoformat(), version=row.lock_version)
        tx.result = row
    return row


def _refuse_day(from_on: date, first: date, before: Policy | None) -> None:
    """Raises TooEarly before the first possible day, which also lies behind the version before; TooLate more than a year ahead."""
    if before is not None and before.from_on is not None:
        first = max(first, before.from_on + timedelta(days=1))
    if from_on < first:
        raise TooEarly(first=first, field="from_on")
    last = max(first, clock.today() + MOST_AHEAD)
    if from_on > last:
        raise TooLate(last=last, field="from_on")


def agree(actor: Actor, policy_id: int, base: int) -> Policy:
    """A second person agrees: the posting hangs from today, in both languages, made from the differences.

    Raises PolicyChanged, NotThisStep (not proposed), SecondPersonNeeded, TooEarly when the days that are left are too few.
    """
    checker = by_account(actor)
    with atomic() as tx:
        lock_numbers()  # before the version's row: the order in which whoever closes a posting takes its locks
        row = _locked(policy_id, base, PolicyState.draft)
        if row.from_on is None:
            raise NotThisStep
        second_person(actor, row.maker_id)
        before = newest(row.programme_id)
        _refuse_day(row.from_on, first_day(), before)
        programme = db.session.get_one(Programme, row.programme_id)
        posting = bulletin.post(actor, f"{SOURCE}:{row.id}", programme.territory_id, posting_text(row, before))
        row.state, row.checker_id, row.posting_id = PolicyState.posted, checker, posting.id
        row.lock_version += 1
        audit.record(actor, "points.policy_posted", "points_policy", row.id, posting=posting.id, version=row.lock_version)
        tx.touch(TOPIC)
        tx.result = row
    return row


def posting_text(row: Policy, before: Policy | None) -> bulletin.PostingText:
    """Title and body of the posting in both languages."""
    words: dict[str, tuple[str, str]] = {}
    for lang, note in (("zh", row.note_zh), ("en", row.note_en)):
        with force_locale(lang):
            words[lang] = (_("Rules of points %(number)s: change before it counts", number=row.number), _body(row, before, note))
    titles, bodies = {k: v[0] for k, v in words.items()}, {k: v[1] for k, v in words.items()}
    with force_locale("zh"):
        basis = _("Rules of points: a change is posted before it counts")
    return bulletin.PostingText(
        titles["zh"], titles["en"], bodies["zh"], bodies["en"], POSTED_DAYS, Unit.calendar_day, basis=basis
    )  # fmt: skip


def _body(row: Policy, before: Policy | None, note: str) -> str:
    day = format_day(row.from_on or clock.today())
    if before is None:
        first = _("From %(day)s on, the first rules of points, %(number)s, are to count. They say:", day=day, number=row.number)
    else:
        first = _(
            "From %(day)s on, rules %(number)s are to count instead of rules %(old)s. This changes:",
            day=day, number=row.number, old=before.number,
        )  # fmt: skip
    changes = differences(RuleText.of(before) if before is not None else None, RuleText.of(row))
    parts = [first, "\n".join(f"- {change_words(change)}" for change in changes)]
    if note:
        parts.append(_("Why: %(note)s", note=note))
    parts.append(_("Points that were earned before that day stay as they are. Objections are heard until the last day of this posting."))
    return "\n\n".join(parts)


def last_posted_day(posting_id: int) -> date | None:
    """The last day of the run that was not broken off."""
    query = sa.select(sa.func.max(PostingRun.until_on)).where(PostingRun.posting_id == posting_id, PostingRun.removed_on.is_(None))
    return db.session.scalar(query)


def first_adoptable(row: Policy) -> date:
    """The first day on which a posted version may begin as things stand: announced, after the posting, not before tomorrow."""
    days = [clock.today() + timedelta(days=1), row.from_on or clock.today()]
    if row.posting_id is not None and (last := last_posted_day(row.posting_id)) is not None:
        days.append(last + timedelta(days=1))
    return max(days)


def adopt(actor: Actor, policy_id: int, base: int, from_on: date | None = None) -> Policy:
    """Adopt a version whose posting is closed, as its outcome says; it counts from the day announced, or from a later one.

    Raises PolicyChanged, NotThisStep, PostingHangs, BeforeAnnounced, TooEarly, TooLate.  Sends `policy_adopted`.
    """
    with atomic() as tx:
        row = _locked(policy_id, base, PolicyState.posted)
        posting = db.session.get_one(Posting, row.posting_id, populate_existing=True)
        if posting.state is not PostingState.closed:
            raise PostingHangs
        announced = row.from_on or clock.today()
        day = from_on or announced
        if day < announced:
            raise BeforeAnnounced(announced=announced, field="from_on")
        _refuse_day(day, first_adoptable(row), newest(row.programme_id))
        row.from_on, row.state, row.decided_at = day, PolicyState.adopted, clock.now()
        row.lock_version += 1
        db.session.flush()
        audit.record(actor, "points.policy_adopted", "points_policy", row.id, from_on=day.isoformat())
        signals.policy_adopted.send(row, actor=actor)
        tx.touch(TOPIC)
        tx.result = row
    return row


def withdraw(actor: Actor, policy_id: int, base: int) -> Policy:
    """Give a version up: a draft at any time, a posted one when its posting is closed or was taken down.

    Raises PolicyChanged, NotThisStep, PostingHangs.
    """
    with atomic() as tx:
        row = _locked(policy_id, base, *OPEN)
        if row.posting_id is not None:
            posting = db.session.get_one(Posting, row.posting_id, populate_existing=True)
            if posting.state not in {PostingState.closed, PostingState.removed}:
                raise PostingHangs
        row.state, row.decided_at = PolicyState.withdrawn, clock.now()
        row.lock_version += 1
        audit.record(actor, "points.policy_withdrawn", "points_policy", row.id)
        tx.touch(TOPIC)
        tx.result = row
    return row


def posting_over(actor: Actor, posting: Posting) -> None:
    """The posting of a version was closed: it can be adopted or withdrawn now.  Called by the listener, inside its transaction."""
    kind, _colon, ident = posting.source.partition(":")
    if kind != SOURCE:
        return
    with atomic() as tx:
        audit.record(actor, "points.policy_posting_closed", "points_policy", int(ident), posting=posting.id)
        tx.touch(TOPIC)
