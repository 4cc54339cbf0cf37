"""Grants, reversals and openings that wait for another person, and what was decided before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.accounts import queries as accounts
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import Channel, actor, viewer
from civic.core.web.access import authorize, get_or_404, hidden, staff
from civic.core.web.forms import Form, keyed, refuse
from civic.people.models import LookKind
from civic.points import amounts, labels, policies
from civic.points.forms.rules import AnswerForm
from civic.points.models import OWNED, Proposal, ProposalKind, ProposalState, Wallet
from civic.points.operations import looks
from civic.points.operations import proposals as verbs
from civic.points.policies import Holder
from civic.points.queries import ruling
from civic.points.queries.holders import holder_of, owners_of, title_of
from civic.territory.models import Territory

bp = Blueprint("points_proposals", __name__, url_prefix="/desk/points/proposals")
DECIDERS = policies.DECIDERS
NO_STORE = {"Cache-Control": "no-store"}


@bp.get("/")
@staff(*DECIDERS, *policies.READERS)
def index() -> ResponseReturnValue:
    is_history = request.args.get("show") == "decided"
    typed = request.args.get("page", "")
    page = max(1, int(typed)) if typed.isdecimal() and len(typed) < 7 else 1
    query = ruling.proposals(viewer(), waiting=not is_history)
    found = db.session.execute(query.limit(ruling.PER_PAGE + 1).offset((page - 1) * ruling.PER_PAGE)).all()
    lines = _lines(found[: ruling.PER_PAGE])
    looks.note_look(actor(Channel.desk), [wallet for _row, wallet in found[: ruling.PER_PAGE]], LookKind.found)
    filters = [
        {"label": pgettext("proposal", "Waiting"), "href": url_for(".index"), "is_current": not is_history},
        {"label": pgettext("proposal", "Decided"), "href": url_for(".index", show="decided"), "is_current": is_history},
    ]
    shown = render_template(
        "points/desk_proposals.html",
        lines=lines, labels=labels, amounts=amounts, filters=filters, is_history=is_history, page=_pages(page, is_history=is_history, has_more=len(found) > ruling.PER_PAGE),
    )  # fmt: skip
    return shown, 200, NO_STORE


@dataclass(frozen=True)
class Line:
    """A proposal in the list; amount in hundredths.  Plain values, because noting the look ends the read."""

    uid: str
    kind: ProposalKind
    state: ProposalState
    amount: int
    at: datetime
    title: str
    is_mine: bool


def _lines(found: Sequence[Any]) -> list[Line]:
    owners, me = owners_of([wallet for _row, wallet in found]), viewer().account_id
    return [
        Line(row.uid, row.kind, row.state, row.amount, row.created_at, title_of(owners[wallet.id]), row.maker_id == me)
        for row, wallet in found
    ]


def _pages(page: int, *, is_history: bool, has_more: bool) -> dict[str, str]:
    show = "decided" if is_history else None
    return {
        "told": ngettext("Page %(num)s", "Page %(num)s", page) if page > 1 or has_more else "",
        "first_href": url_for(".index", show=show) if page > 1 else "",
        "next_href": url_for(".index", show=show, page=page + 1) if has_more else "",
    }


def _load(uid: str) -> Proposal:
    row: Proposal = get_or_404(sa.select(Proposal).where(Proposal.uid == uid))
    hidden(policies.can_see_proposal, viewer(), _path(row))
    return row


def _path(row: Proposal) -> str:
    return db.session.scalars(sa.select(Territory.path).where(Territory.id == row.territory_id)).one()


def _holders(row: Proposal, sides: ruling.RowSides | None) -> list[Holder]:
    """Everybody whose wallet it touches."""
    wallets = [sides.debit, sides.credit] if sides is not None else [db.session.get_one(Wallet, row.wallet_id)]
    return [holder_of(wallet) for wallet in wallets if wallet.kind in OWNED]


@bp.get("/<uid>")
@staff(*DECIDERS, *policies.READERS)
def show(uid: str) -> ResponseReturnValue:
    return _page(_load(uid), AnswerForm(formdata=None))


def _page(row: Proposal, form: Form, status: int = 200) -> ResponseReturnValue:
    who, path, wallet = viewer(), _path(row), db.session.get_one(Wallet, row.wallet_id)
    sides = ruling.sides_of(row.transfer_id) if row.transfer_id is not None else None
    shown = [wallet, *([sides.debit, sides.credit] if sides is not None else [])]
    looks.note_look(actor(Channel.desk), shown)
    holders = _holders(row, sides)
    waits = row.state is ProposalState.waiting
    is_other = policies.is_other(who, row.maker_id, accounts.person_of(row.maker_id))
    page = render_template(
        "points/desk_proposal.html",
        row=row, wallet=wallet, sides=sides, owners=owners_of(shown), title_of=title_of, labels=labels, amounts=amounts, form=form,
        told=verbs.told(row), names=accounts.names_of([i for i in (row.maker_id, row.checker_id) if i is not None]),
        is_mine=row.maker_id == who.account_id, is_own=any(policies.is_own(who, holder) for holder in holders),
        may_decide=waits and is_other and policies.can_decide_at(who, path) and not any(policies.is_own(who, h) for h in holders),
        sees_wallet=policies.can_see_at_desk(who, path),
    )  # fmt: skip
    return page, status, NO_STORE


@bp.post("/<uid>/<any('approve', 'refuse'):answer>")
@staff(*DECIDERS)
def decide(uid: str, answer: str) -> ResponseReturnValue:
    row, form, status = _load(uid), AnswerForm(), 422
    authorize(policies.can_decide_at, viewer(), _path(row))
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                verbs.decide(actor(Channel.desk), row.id, answer == "approve", form.answer.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
            row = _load(uid)
        else:
            flash(_("Approved and booked.") if answer == "approve" else _("Refused. Nothing was booked."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return _page(row, form, status)


@bp.post("/<uid>/withdraw")
@staff(*DECIDERS)
def withdraw(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), AnswerForm(), 422
    authorize(policies.can_decide_at, viewer(), _path(row))
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                verbs.withdraw(actor(Channel.desk), row.id)
        except DomainError as refusal:
            status = refuse(form, refusal)
            row = _load(uid)
        else:
            flash(_("Taken back. Nothing was booked."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return _page(row, form, status)
