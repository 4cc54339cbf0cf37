"""What `civic check` asks of earnings (L12, L13): revisions book their differences, amounts follow from minutes and rules, a source has one owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from civic.core import progress
from civic.core.db import db
from civic.core.registry import Violation
from civic.people.models import Merge, MergeState, Person
from civic.points import rules
from civic.points.checks.parts import before, less, named, stream, whole
from civic.points.models import Earning, Policy, Reason, Transfer, TransferKind

_T, _E, _P = (model.__table__ for model in (Transfer, Earning, Policy))


def earnings() -> Iterator[Violation]:
    """Each revision's rows book its difference to the one before.

    Upwards exactly.  Downwards at most, less what a reversal had taken already: what was spent became due, and which earning a due comes
    from no row tells; that all of them together became due is asked of each programme (dues.py).  A revision that says otherwise whose the
    points are (`is_donated`) takes all of the one before back and gives all of its own.
    """
    progress.tell("earnings of points", 0)
    difference = sa.select(_E.c.id, _E.c.offset, (_E.c.amount - before(_E.c.amount)).label("difference"), less().label("less")).subquery(
        "x"
    )
    key = whole(_T.c.earning_id)
    taken = _T.c.reason == Reason.corrected
    sums = (
        sa.select(
            key.label("id"), sa.func.sum(sa.case((taken, 0), else_=_T.c.amount)).label("up"), sa.func.sum(sa.case((taken, _T.c.amount), else_=0)).label("down")
        )
        .where(_T.c.earning_id.is_not(None), _T.c.kind == TransferKind.single)
        .group_by(key)
        .subquery("s")
    )  # fmt: skip
    up, down, d = sa.func.coalesce(sums.c.up, 0), sa.func.coalesce(sums.c.down, 0), difference.c.difference
    offset, fewer = difference.c.offset, difference.c.less
    wrong = sa.or_(up != d + fewer, offset < 0, offset > fewer, down > fewer - offset)
    query = sa.select(difference.c.id, d, up, down, offset).outerjoin(sums, sums.c.id == difference.c.id).where(wrong)
    for id_, wanted, came, went, set_off in stream(query):
        set_by = f", {set_off} was set off against reversals" if set_off else ""
        yield Violation(
            "points_earning", id_, f"differs by {wanted} from the revision before; its rows gave {came} and took {went}{set_by}"
        )
    foreign = sa.select(_T.c.id).join(_E, _E.c.id == _T.c.earning_id)
    other = sa.or_(_E.c.source != _T.c.source, _E.c.programme_id != _T.c.programme_id)
    yield from named("points_transfer", foreign.where(other), "names an earning of another source")
    yield from _one_owner()
    yield from _computed()


def _one_owner() -> Iterator[Violation]:
    """A source is one person's in one programme; rows that are or once were merged are one person."""
    first = sa.select(sa.func.min(_E.c.id)).group_by(_E.c.source)
    yield from named(
        "points_earning",
        first.having(sa.func.min(_E.c.programme_id) < sa.func.max(_E.c.programme_id)),
        "its source earned in two programmes",
    )
    several = sa.select(_E.c.source).group_by(_E.c.source).having(sa.func.min(_E.c.person_id) < sa.func.max(_E.c.person_id))
    query = sa.select(_E.c.source, _E.c.person_id, sa.func.min(_E.c.id)).where(_E.c.source.in_(several))
    rows: dict[str, dict[int, int]] = defaultdict(dict)
    for source, person_id, id_ in db.session.execute(query.group_by(_E.c.source, _E.c.person_id)):
        rows[source][person_id] = id_
    if not rows:
        return
    one = merged()
    for persons in rows.values():
        if len({one(person_id) for person_id in persons}) > 1:
            yield Violation("points_earning", min(persons.values()), "its source earned for two people")


def merged() -> Callable[[int], int]:
    """Which row stands for a person, by merges that hold and those that were undone: what was booked under one stays."""
    parent: dict[int, int] = {}

    def root(id_: int) -> int:
        while id_ in parent:
            id_ = parent[id_]
        return id_

    pairs: list[Any] = [
        *db.session.execute(sa.select(Person.id, Person.merged_into_id).where(Person.merged_into_id.is_not(None))).all(),
        *db.session.execute(
            sa.select(Merge.loser_id, Merge.survivor_id).where(Merge.state.in_([MergeState.done, MergeState.undo_asked, MergeState.undone]))
        ).all(),
    ]
    for loser, survivor in pairs:
        if survivor is not None and root(loser) != root(survivor):
            parent[root(loser)] = root(survivor)
    return root


def _computed() -> Iterator[Violation]:
    """The amount is counted × rate / 60; counted is rounded and no more than was given; the rate is the policy's; the day's maximum holds."""
    of_policy = sa.select(_E.c.id).join(_P, _P.c.id == _E.c.policy_id)
    wrong = sa.or_(_E.c.counted > _E.c.minutes, _E.c.counted % _P.c.rounding != 0, _E.c.counted > _P.c.daily)
    yield from named("points_earning", of_policy.where(wrong), "counts other minutes than its policy allows")
    # whole hundredths: the amount is the largest number that sixty times does not pass counted × rate
    product = _E.c.counted * _E.c.rate
    off = sa.or_(_E.c.amount * 60 > product, _E.c.amount * 60 + 60 <= product)
    yield from named("points_earning", sa.select(_E.c.id).where(off), "its amount is not counted minutes times rate")
    yield from _days()
    kinds = sa.select(_E.c.policy_id, _E.c.service_type, _E.c.hour_class, _E.c.rate, sa.func.min(_E.c.id).label("id"))
    for row in db.session.execute(kinds.group_by(_E.c.policy_id, _E.c.service_type, _E.c.hour_class, _E.c.rate)).all():
        policy = db.session.get(Policy, row.policy_id)
        if policy is None or rules.rate_of(policy, row.service_type, row.hour_class) != row.rate:
            yield Violation("points_earning", row.id, f"rate {row.rate} for {row.service_type}, {row.hour_class} is not its policy's")


def _days() -> Iterator[Violation]:
    """Of each source the newest revision: together no more than the day's maximum."""
    later = _E.alias("l")
    newest = ~sa.exists().where(later.c.source == _E.c.source, later.c.revision > _E.c.revision)
    query = (
        sa.select(sa.func.max(_E.c.id))
        .join(_P, _P.c.id == _E.c.policy_id)
        .where(newest)
        .group_by(_E.c.person_id, _E.c.on)
        .having(sa.func.sum(_E.c.counted) > sa.func.max(_P.c.daily))
    )
    yield from named("points_earning", query, "with the person's others of its day counts more than the day's maximum")
