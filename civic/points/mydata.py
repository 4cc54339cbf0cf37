"""Everything that points store of a person: her wallets, every line, what is held, hours that earned, proposals and hints about her."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from civic.core import clock, notes
from civic.core.db import db
from civic.core.i18n import format_day, format_moment, plain
from civic.core.personaldata import DataPart
from civic.people.queries import all_rows_of
from civic.points import amounts, labels, queries, statement
from civic.points.models import Earning, Hint, Proposal, Wallet, WalletState
from civic.points.operations.proposals import told
from civic.points.queries import WalletView
from civic.points.statement import shown

Rows = list[tuple[Any, Any]]


def personal_data(person_id: int | None, _account_id: int | None) -> Sequence[DataPart]:
    """For her own page and download alone; what her household has she reads on the page of its wallet."""
    if person_id is None:
        return []
    ids = all_rows_of(person_id)
    views = queries.views(Wallet.__table__.c.person_id.in_(ids))
    numbers = [view.id for view in views]
    stays = _("The lines stay for ever, without your name once your data are emptied: a ledger with gaps proves nothing.")
    leave = _(
        "They stay in your wallet when you close your account. Spend them or donate them before your data are emptied; then they go to your household, or to the care pool."
    )
    parts = [
        DataPart(_("Points in your wallet"), _wallets(views), _("So that you can use what your service brought."), leave, "points"),
        DataPart(_("Every line of your wallet"), _lines(views), _("So that every point explains itself."), stays, "points_lines"),
        DataPart(_("Points set aside"), _held(views), _("For what you agreed on or ordered."), stays, "points_held"),
        DataPart(_("Service that earned points"), _earnings(ids), _("To compute points, and to put hours right."), stays, "points_earned"),
        DataPart(
            _("Proposals about your wallet"), _proposals(numbers), _("Two people decide what an office does with points."), stays,
            "points_proposals",
        ),
        DataPart(
            _("Hints that somebody should look at your wallet"), _hints(numbers),
            _("So that the points of all are worth the same. Nothing follows from a hint by itself."), stays, "points_hints",
        ),
    ]  # fmt: skip
    return [part for part in parts if part.rows]


def _wallets(views: Sequence[WalletView]) -> Rows:
    found: Rows = []
    for view in views:
        value = [_("%(points)s points", points=amounts.text(view.balance))]
        value += [_("%(year)s: %(points)s", year=y.year, points=amounts.text(y.balance)) for y in view.years if y.balance]
        if view.due:
            value.append(_("Points still to be recovered: %(points)s", points=amounts.text(view.due)))
        if view.state is not WalletState.open:
            value.append(str(labels.WALLET_STATES[view.state]))
        found.append((plain(view.programme), value))
    return found


def _lines(views: Sequence[WalletView]) -> Rows:
    lines = [line for view in views for line in statement.every(view)]
    return [(format_moment(each.at), [f"{each.amount} · {each.title}", *each.notes]) for each in shown.shown(lines)]


def _held(views: Sequence[WalletView]) -> Rows:
    held = [hold for view in views for hold in view.holds]
    return [(hold.source, _("%(points)s until %(moment)s", points=amounts.text(hold.amount), moment=format_moment(hold.until))) for hold in held]  # fmt: skip


def _earnings(ids: Sequence[int]) -> Rows:
    query = sa.select(Earning).where(Earning.person_id.in_(ids)).order_by(Earning.id)
    return [
        (
            format_day(row.on),
            [
                f"{labels.service(row.service_type)} · {labels.hours(row.hour_class)} · {row.source} ({row.revision})",
                _(
                    "%(minutes)s minutes, %(counted)s of them count, %(points)s points",
                    minutes=row.minutes, counted=row.counted, points=amounts.text(row.amount),
                ),
            ],
        )
        for row in db.session.scalars(query)
    ]  # fmt: skip


def _proposals(wallet_ids: Sequence[int]) -> Rows:
    query = sa.select(Proposal).where(Proposal.wallet_id.in_(wallet_ids)).order_by(Proposal.id)
    return [
        (
            format_moment(row.created_at),
            [f"{labels.PROPOSALS[row.kind]} · {amounts.text(row.amount)} · {labels.DECISIONS[row.state]}", *told(row)],
        )
        for row in db.session.scalars(query)
    ]


def _hints(wallet_ids: Sequence[int]) -> Rows:
    """Of a ring without the others' names: they are theirs."""
    mine = set(wallet_ids)
    named = sa.or_(sa.false(), *(Hint.subject.contains(str(id_)) for id_ in wallet_ids))  # subjects hold the ids of wallets
    rows = [r for r in db.session.scalars(sa.select(Hint).where(named).order_by(Hint.id)) if mine & set(json.loads(r.detail)["wallets"])]
    words = notes.read(row.note_id for row in rows)
    return [
        (
            format_day(clock.local(row.created_at).date()),
            [f"{labels.HINTS[row.kind]} · {labels.HINT_STATES[row.state]}", *([words[row.note_id]] if row.note_id in words else [])],
        )
        for row in rows
    ]
