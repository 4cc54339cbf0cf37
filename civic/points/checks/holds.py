"""What `civic check` asks of the moments of holds: when points were set aside, until when, and when that ended.

A header's moments are written with its rows in one transaction, so they are equal to the rows' own; until when points are held, only the audit
repeats.  An open hold whose time is long over is no fault: its end is written by whoever next touches the wallet (L8).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from civic.core.audit import AuditEvent
from civic.core.registry import Violation
from civic.points.checks.parts import named, stream
from civic.points.models import Hold, HoldState, Transfer, TransferKind
from civic.points.totals import ENDING

_H, _T, _A = (model.__table__ for model in (Hold, Transfer, AuditEvent))
HELD = "points.held"  # the line of the audit that says until when


def moments() -> Iterator[Violation]:
    """Each header whose moments do not follow from its rows, its predecessor or its line of the audit."""
    for what, where in _wrong().items():
        yield from named("points_hold", sa.select(_H.c.id).where(where).order_by(_H.c.id), what)
    yield from _of_rows()
    yield from _renewals()
    yield from _told()


def _wrong() -> dict[str, Any]:
    return {
        "is open and has an end, or ended without one": (_H.c.state == HoldState.open) != _H.c.ended_at.is_(None),
        "was spent after its time": sa.and_(_H.c.state == HoldState.posted, _H.c.ended_at >= _H.c.expires_at),
        "ran out before its time": sa.and_(_H.c.state == HoldState.expired, _H.c.ended_at < _H.c.expires_at),
        "its time was over when it was made": _H.c.expires_at <= _H.c.created_at,
        "ended before it was made": _H.c.ended_at < _H.c.created_at,
    }


def _of_rows() -> Iterator[Violation]:
    """One statement over the rows of holds; a header and its rows were written at one moment."""
    for kinds, column, what in (
        ((TransferKind.hold,), _H.c.created_at, "was made at another moment than its rows"),
        (ENDING, _H.c.ended_at, "ended at another moment than its rows"),
    ):
        rows = sa.select(_T.c.hold_id).join(_H, _H.c.id == _T.c.hold_id).where(_T.c.kind.in_(kinds), _T.c.at != column)
        yield from named("points_hold", rows.distinct(), what)


def _renewals() -> Iterator[Violation]:
    """A renewal begins at the moment at which the one before it was given back; so a source has one open hold at most."""
    before = _H.alias("b")
    follows = sa.and_(before.c.source == _H.c.source, before.c.sequence == _H.c.sequence - 1)
    wrong = sa.or_(before.c.id.is_(None), before.c.state != HoldState.voided, before.c.ended_at != _H.c.created_at)
    query = sa.select(_H.c.id).outerjoin(before, follows).where(_H.c.sequence > 1, wrong)
    yield from named("points_hold", query, "renews a hold that was not given back for it")


def _told() -> Iterator[Violation]:
    """Until when, by the line of the audit that was written with it; lines of releases before 28 November 2026 do not say so."""
    query = sa.select(_H.c.id, _H.c.expires_at, _A.c.context).join(_H, _H.c.id == _A.c.subject_id)
    for row in stream(query.where(_A.c.subject_kind == "points_hold", _A.c.verb == HELD)):
        until = json.loads(row.context).get("until")
        if until is not None and datetime.fromisoformat(until) != row.expires_at:
            yield Violation("points_hold", row.id, f"lasts until {row.expires_at.isoformat()}, it was made until {until}")
