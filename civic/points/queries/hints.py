"""Hints as the desk reads them: what was found, in sentences with its numbers, and the wallets they speak of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext

from civic.core import notes
from civic.core.db import db
from civic.core.i18n import format_day
from civic.core.viewer import Viewer
from civic.people.models import Membership
from civic.points import amounts, policies
from civic.points.models import Hint, HintKind, HintState, Wallet
from civic.points.queries.holders import owners_of, title_of
from civic.territory.models import Territory

MOST = 200  # hints on a page; a desk with more has another trouble
SEES = (*policies.DECIDERS, *policies.READERS)


@dataclass(frozen=True)
class Member:
    """A wallet that a hint speaks of.  uid: '' where the viewer may not open it."""

    wallet_id: int
    person_id: int | None
    name: str
    uid: str


@dataclass(frozen=True)
class Row:
    """A hint as plain values: pages note who looked, and what was loaded before that would be read again one by one."""

    id: int
    uid: str
    kind: HintKind
    state: HintState
    detail: dict[str, Any]
    created_at: datetime
    looked_at: datetime | None
    note_id: int | None
    path: str


@dataclass(frozen=True)
class Shown:
    """A hint in words.  paid: (who, whom, exchanges, points) of a ring."""

    row: Row
    members: list[Member]
    said: list[str]
    rule: str
    paid: list[tuple[str, str, int, str]]
    weeks: list[str]
    words: str  # what was found, '' while it is open


def count_open(viewer: Viewer) -> int:
    return len(_of_others(viewer, _rows(viewer, HintState.open)))


def listed(viewer: Viewer, state: HintState) -> list[Shown]:
    """The newest first, none about her own household; a fixed number of statements."""
    return _shown(viewer, _of_others(viewer, _rows(viewer, state)))


def one(viewer: Viewer, uid: str) -> Shown | None:
    """A hint in her reach; None where its existence is private."""
    rows = [_row(each) for each in db.session.execute(_SELECT.where(Hint.uid == uid))]
    if not rows or not policies.can_look_at_hints(viewer, rows[0].path) or not _of_others(viewer, rows):
        return None
    return _shown(viewer, rows)[0]


_SELECT = sa.select(
    Hint.id, Hint.uid, Hint.kind, Hint.state, Hint.detail, Hint.created_at, Hint.looked_at, Hint.note_id, Territory.path
).join(Territory, Territory.id == Hint.territory_id)


def _row(found: Any) -> Row:
    id_, uid, kind, state, detail, *rest = found
    return Row(id_, uid, kind, state, json.loads(detail), *rest)


def _rows(viewer: Viewer, state: HintState) -> list[Row]:
    places = sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in viewer.territories(*SEES)))
    query = _SELECT.where(Hint.state == state, places).order_by(Hint.id.desc()).limit(MOST)
    return [_row(each) for each in db.session.execute(query)]


def _of_others(viewer: Viewer, rows: Sequence[Row]) -> list[Row]:
    """Without those about the viewer herself or somebody she lives with: a colleague looks at them."""
    if viewer.bound_to is None or not rows:
        return list(rows)
    household = sa.select(Membership.household_id).where(Membership.person_id == viewer.bound_to, Membership.ended_on.is_(None))
    beside = sa.select(Membership.person_id).where(Membership.household_id.in_(household), Membership.ended_on.is_(None))
    own = set(db.session.scalars(sa.select(Wallet.id).where(sa.or_(Wallet.person_id.in_(beside), Wallet.household_id.in_(household)))))
    return [row for row in rows if own.isdisjoint(row.detail["wallets"])]


def _shown(viewer: Viewer, rows: Sequence[Row]) -> list[Shown]:
    ids = sorted({id_ for row in rows for id_ in row.detail["wallets"]})
    wallets = {w.id: w for w in db.session.scalars(sa.select(Wallet).where(Wallet.id.in_(ids)))}
    owners = owners_of(wallets.values())
    said = notes.read(row.note_id for row in rows)
    found = []
    for row in rows:
        detail, opens = row.detail, policies.can_see_at_desk(viewer, row.path)
        members = [
            Member(i, wallets[i].person_id, title_of(owners[i]), wallets[i].uid if opens else "") for i in detail["wallets"] if i in wallets
        ]
        sentences, rule = _SAID[row.kind](detail, {m.wallet_id: m.name for m in members})
        found.append(
            Shown(
                row, members, sentences, rule, _paid(detail, {m.wallet_id: m.name for m in members}),
                [amounts.short(amount) for amount in reversed(detail.get("weeks", []))], said.get(row.note_id or 0, ""),
            )
        )  # fmt: skip
    return found


# ---- words ----------------------------------------------------------------------------------------------------------------


def _sudden(detail: dict[str, Any], names: dict[int, str]) -> tuple[list[str], str]:
    told = [
        _(
            "%(name)s earned %(points)s points in the week from %(day)s.",
            name=next(iter(names.values()), ""),
            points=amounts.short(detail["earned"]),
            day=format_day(date.fromisoformat(detail["monday"])),
        ),
        _(
            "In half of the %(weeks)s weeks before it was at most %(usual)s points a week.",
            weeks=len(detail["weeks"]),
            usual=amounts.short(detail["usual"]),
        ),
    ]
    rule = _(
        "Shown is who earns more than %(times)s times the usual in a week, and more than %(above)s points above it. A camp, a flood or a holiday explains many of them.",
        times=detail["times"],
        above=amounts.short(detail["above"]),
    )
    return told, rule


def _ring(detail: dict[str, Any], names: dict[int, str]) -> tuple[list[str], str]:
    told = [
        ngettext(
            "From %(first)s to %(last)s, %(people)s people made %(num)s exchange, all among themselves; each of them paid and was paid.",
            "From %(first)s to %(last)s, %(people)s people made %(num)s exchanges, all among themselves; each of them paid and was paid.",
            detail["exchanges"],
            people=len(names),
            first=_day(detail["from"]),
            last=_day(detail["to"]),
        )
    ]
    rule = _(
        "Shown are groups of two to %(most)s people who made %(least)s exchanges or more within %(days)s days and none with anybody else. Good neighbours are often just that.",
        most=detail["most"],
        least=detail["least"],
        days=detail["days"],
    )
    return told, rule


_SAID = {HintKind.sudden: _sudden, HintKind.ring: _ring}


def _day(text: str) -> str:
    return format_day(date.fromisoformat(text))


def _paid(detail: dict[str, Any], names: dict[int, str]) -> list[tuple[str, str, int, str]]:
    return [
        (names.get(payer, ""), names.get(helper, ""), number, amounts.short(amount))
        for payer, helper, number, amount in detail.get("paid", [])
    ]
