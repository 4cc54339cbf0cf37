"""The ledger as files for auditors: ids, numbers and days, no name; in the order of ids, read in slices.

A period is half-open: `since` is in it, `until` is the first day that is not.  So two files that follow each other hold every row once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, selectinload

from civic.core import clock
from civic.core.closes import Close
from civic.core.db import db
from civic.core.viewer import Viewer
from civic.points import amounts, policies
from civic.points.models import Policy, Programme, Proposal, Transfer, Vintage
from civic.points.totals import BOOK

BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for GB18030
SLICE = 2_000  # rows read at a time
KINDS = ("transfers", "closes", "proposals", "rules")


@dataclass(frozen=True)
class Wish:
    """What is asked for: one of KINDS, of one programme, from a day to the day before another."""

    what: str
    programme_id: int
    since: date
    until: date


def programmes(viewer: Viewer) -> list[Programme]:
    """Those whose whole district the viewer audits."""
    rows = db.session.scalars(sa.select(Programme).join(Programme.territory).order_by(Programme.code))
    return [row for row in rows if policies.can_audit(viewer, row.territory.path)]


def lines(wish: Wish) -> Iterator[str]:
    """The file as text, slice by slice."""
    heads, slices = _FILES[wish.what]
    yield BOM + _text([heads])
    for rows in slices(wish):
        yield _text(rows)


def _text(rows: Sequence[Sequence[Any]]) -> str:
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue()


def _moments(wish: Wish) -> tuple[Any, Any]:
    return clock.day_bounds(wish.since)[0], clock.day_bounds(wish.until)[0]


def _sliced(query: sa.Select[Any], key: Any) -> Iterator[Sequence[Any]]:
    """By the key, which comes first in each row; every slice is a read of its own, so a long file keeps no old state of the database alive."""
    last = 0
    while True:
        rows = db.session.execute(query.where(key > last).order_by(key).limit(SLICE)).all()
        if rows:
            yield rows
        db.session.rollback()
        if len(rows) < SLICE:
            return
        last = rows[-1][0]


def _moment(moment: Any) -> str:
    return clock.local(moment).isoformat() if moment is not None else ""


TRANSFERS = (
    "id", "at", "kind", "reason", "debit_wallet", "debit_year", "credit_wallet", "credit_year", "points", "hold", "ends", "reverses",
    "earning", "rules", "source", "detail", "account", "job", "channel",
)  # fmt: skip


def _transfers(wish: Wish) -> Iterator[list[Any]]:
    t, debit, credit = Transfer.__table__, aliased(Vintage), aliased(Vintage)
    query = (
        sa.select(
            t.c.id, t.c.at, t.c.kind, t.c.reason, debit.wallet_id, debit.year, credit.wallet_id, credit.year, t.c.amount, t.c.hold_id,
            t.c.ends_id, t.c.reverses_id, t.c.earning_id, Policy.number, t.c.source, t.c.detail, t.c.account_id, t.c.job, t.c.channel,
        )
        .join(debit, debit.id == t.c.debit_id)
        .join(credit, credit.id == t.c.credit_id)
        .join(Policy, Policy.id == t.c.policy_id)
        .where(t.c.programme_id == wish.programme_id, t.c.at >= _moments(wish)[0], t.c.at < _moments(wish)[1])
    )  # fmt: skip
    for rows in _sliced(query, t.c.id):
        yield [[r[0], _moment(r[1]), r[2].value, r[3].value, *r[4:8], amounts.text(r[8]), *r[9:]] for r in rows]


CLOSES = ("number", "day", "rows", "totals", "rows_hash", "previous_hash", "hash", "made_at")


def _closes(wish: Wish) -> Iterator[list[Any]]:
    """Of the book, which is one for all programmes of the site."""
    c = Close.__table__
    query = sa.select(c.c.number, c.c.day, c.c.row_count, c.c.totals, c.c.rows_hash, c.c.previous_hash, c.c.hash, c.c.created_at).where(
        c.c.book == BOOK, c.c.day >= wish.since, c.c.day < wish.until
    )
    for rows in _sliced(query, c.c.number):
        yield [[*r[:7], _moment(r[7])] for r in rows]


PROPOSALS = (
    "id", "asked_at", "kind", "state", "wallet", "transfer", "from_pool", "points", "territory", "maker_account", "checker_account",
    "decided_at",
)  # fmt: skip


def _proposals(wish: Wish) -> Iterator[list[Any]]:
    p = Proposal.__table__
    query = sa.select(
        p.c.id, p.c.created_at, p.c.kind, p.c.state, p.c.wallet_id, p.c.transfer_id, p.c.from_pool, p.c.amount, p.c.territory_id,
        p.c.maker_id, p.c.checker_id, p.c.decided_at,
    ).where(
        p.c.programme_id == wish.programme_id, p.c.created_at >= _moments(wish)[0], p.c.created_at < _moments(wish)[1]
    )  # fmt: skip
    for rows in _sliced(query, p.c.id):
        yield [
            [r[0], _moment(r[1]), r[2].value, r[3].value, r[4], r[5], int(r[6]), amounts.text(r[7]), *r[8:11], _moment(r[11])] for r in rows
        ]


RULES = (
    "id", "written_at", "number", "state", "from", "rounding", "daily", "threshold", "cap", "expiry_years", "exchange_days",
    "confirm_days", "group_donates", "rates", "posting", "maker_account", "checker_account", "decided_at",
)  # fmt: skip


def _rules(wish: Wish) -> Iterator[list[Any]]:
    """Every version written in the period, drafts too; few, so read at once."""
    query = sa.select(Policy).options(selectinload(Policy.rates)).order_by(Policy.id)
    query = query.where(
        Policy.programme_id == wish.programme_id, Policy.created_at >= _moments(wish)[0], Policy.created_at < _moments(wish)[1]
    )
    yield [
        [
            p.id, _moment(p.created_at), p.number, p.state.value, p.from_on or "", p.rounding, p.daily, p.threshold, amounts.text(p.cap),
            p.expiry_years, p.exchange_days, p.confirm_days, int(p.group_donates),
            " ".join(f"{rate.service_type}/{rate.hour_class}={amounts.text(rate.rate)}" for rate in p.rates),
            p.posting_id, p.maker_id, p.checker_id, _moment(p.decided_at),
        ]
        for p in db.session.scalars(query)
    ]  # fmt: skip


_FILES = {
    "transfers": (TRANSFERS, _transfers),
    "closes": (CLOSES, _closes),
    "proposals": (PROPOSALS, _proposals),
    "rules": (RULES, _rules),
}
