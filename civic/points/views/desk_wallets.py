"""A wallet at the desk: every row, freeze, unfreeze, close; and asking for a grant, an opening, a reversal.  Of the person: desk_beside.py."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.core.errors import DomainError
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web.access import authorize, get_or_404, hidden, staff
from civic.core.web.forms import Form, keyed, refuse
from civic.points import amounts, labels, policies, queries
from civic.points.forms.rules import CloseForm, EmptyForm, FreezeForm, ReverseForm, WishForm
from civic.points.models import OWNED, Wallet
from civic.points.operations import desk, looks, proposals
from civic.points.policies import Holder
from civic.points.queries import ruling
from civic.points.queries.holders import Owner, holder_of, owners_of

bp = Blueprint("points_wallets_desk", __name__, url_prefix="/desk/points")
DESK = policies.DESK
READERS = (*DESK, *policies.READERS)
NO_STORE = {"Cache-Control": "no-store"}


def at_desk() -> Actor:
    return actor(Channel.desk)


# ---- a wallet ---------------------------------------------------------------------------------------------------------------
def _load(uid: str, policy: Any) -> tuple[Wallet, Holder, Owner]:
    """A wallet in the viewer's reach; of others even the existence is private."""
    row: Wallet = get_or_404(sa.select(Wallet).where(Wallet.uid == uid))
    holder = holder_of(row)
    hidden(policy, viewer(), holder.path)
    return row, holder, owners_of([row])[row.id]


def _to_work(uid: str) -> tuple[Wallet, Holder, Owner]:
    """For an act: by the desk of the community, on somebody's wallet, not on her own household's."""
    row, holder, owner = _load(uid, policies.can_work)
    if row.kind not in OWNED:
        abort(404)
    authorize(policies.can_freeze, viewer(), holder)
    return row, holder, owner


@bp.get("/wallets/<uid>")
@staff(*READERS)
def wallet(uid: str) -> ResponseReturnValue:
    return _page(uid, EmptyForm(formdata=None))


def _page(uid: str, form: Form, status: int = 200) -> ResponseReturnValue:
    row, holder, owner = _load(uid, policies.can_see_at_desk)
    looks.note_look(at_desk(), [row])
    view = queries.views(Wallet.__table__.c.id == row.id)[0]
    older = request.args.get("before", "")
    rows, before = ruling.rows_of(row.id, int(older) if older.isdecimal() and len(older) < 16 else None)
    page = render_template(
        "points/desk_wallet.html",
        row=row, view=view, owner=owner, rows=rows, before=before, older=older, form=form, labels=labels, amounts=amounts,
        waiting=ruling.waiting_for(row.id), may_act=policies.can_freeze(viewer(), holder), is_own=policies.is_own(viewer(), holder),
        works=policies.can_work(viewer(), holder.path),
    )  # fmt: skip
    return page, status, NO_STORE


@bp.get("/wallets/<uid>/freeze")
@staff(*DESK)
def ask_freeze(uid: str) -> str:
    form = FreezeForm()
    form.offer()
    return _act_page("points/desk_freeze.html", form, *_to_work(uid))


def _act_page(template: str, form: Form, row: Wallet, _holder: Holder, owner: Owner) -> str:
    """The form names the owner and what is there, so it is a look, each time it is shown."""
    looks.note_look(at_desk(), [row])
    view = queries.views(Wallet.__table__.c.id == row.id)[0]
    return render_template(template, form=form, row=row, view=view, owner=owner, labels=labels, amounts=amounts)


@bp.post("/wallets/<uid>/freeze")
@staff(*DESK)
def freeze(uid: str) -> ResponseReturnValue:
    found, form, status = _to_work(uid), FreezeForm(), 422
    form.offer()
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".wallet", uid=uid)):
                desk.freeze_wallet(at_desk(), found[0].id, form.why.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The wallet is frozen: points can be earned, not spent."), "good")
            return redirect(url_for(".wallet", uid=uid), 303)
    return _act_page("points/desk_freeze.html", form, *found), status


@bp.post("/wallets/<uid>/unfreeze")
@staff(*DESK)
def unfreeze(uid: str) -> ResponseReturnValue:
    found, form, status = _to_work(uid), EmptyForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".wallet", uid=uid)):
                desk.unfreeze_wallet(at_desk(), found[0].id)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The wallet is open again."), "good")
            return redirect(url_for(".wallet", uid=uid), 303)
    return _page(uid, form, status)


def _close_form(row: Wallet, form: CloseForm) -> CloseForm:
    form.offer(with_household=desk.household_of(row) is not None)
    return form


@bp.get("/wallets/<uid>/close")
@staff(*DESK)
def ask_close(uid: str) -> str:
    found = _to_work(uid)
    return _act_page("points/desk_close_wallet.html", _close_form(found[0], CloseForm()), *found)


@bp.post("/wallets/<uid>/close")
@staff(*DESK)
def close(uid: str) -> ResponseReturnValue:
    found, status = _to_work(uid), 422
    form = _close_form(found[0], CloseForm())
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _moved: url_for(".wallet", uid=uid)):
                moved = desk.close_wallet(at_desk(), found[0].id, form.why.data, to_household=form.to.data == "household")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The wallet is closed; %(points)s points went on.", points=amounts.short(moved)), "good")
            return redirect(url_for(".wallet", uid=uid), 303)
    return _act_page("points/desk_close_wallet.html", form, *found), status


# ---- asking for what another person decides ---------------------------------------------------------------------------------
@bp.get("/wallets/<uid>/propose")
@staff(*DESK)
def ask_propose(uid: str) -> str:
    form = WishForm()
    form.offer()
    return _act_page("points/desk_propose.html", form, *_to_work(uid))


@bp.post("/wallets/<uid>/propose")
@staff(*DESK)
def propose(uid: str) -> ResponseReturnValue:
    found, form, status = _to_work(uid), WishForm(), 422
    form.offer()
    if form.validate_on_submit():
        row, why = found[0], form.why.data or ""
        try:
            with keyed(form, to=lambda made: url_for("points_proposals.show", uid=made.uid)):
                if form.kind.data == "opening":
                    made = proposals.propose_opening(at_desk(), row.id, form.amount.amount, why)
                else:
                    made = proposals.propose_grant(at_desk(), row.id, form.amount.amount, why, from_pool=form.kind.data == "pool")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _asked(made.uid)
    return _act_page("points/desk_propose.html", form, *found), status


def _asked(uid: str) -> ResponseReturnValue:
    flash(_("Asked for. Somebody else decides; you find it in the list of proposals."), "good")
    return redirect(url_for("points_proposals.show", uid=uid), 303)


def _row(row_id: int) -> ruling.RowSides:
    """A row whose points went to or came from wallets in the viewer's reach, none of her own household."""
    sides = ruling.sides_of(row_id)
    if sides is None:
        abort(404)
    owned = [wallet for wallet in (sides.debit, sides.credit) if wallet.kind in OWNED]
    holders = [holder_of(wallet) for wallet in owned or [sides.credit]]
    if not any(policies.can_work(viewer(), holder.path) for holder in holders):
        abort(404)
    for holder in holders:
        authorize(_not_own, viewer(), holder)
    return sides


def _not_own(who: Any, holder: Holder) -> bool:
    return not policies.is_own(who, holder)


@bp.get("/rows/<int:row_id>/reverse")
@staff(*DESK)
def ask_reverse(row_id: int) -> str:
    sides, form = _row(row_id), ReverseForm()
    form.amount.data = amounts.short(sides.row.amount)
    return _reverse_page(form, sides)


def _reverse_page(form: ReverseForm, sides: ruling.RowSides) -> str:
    """Rows are numbered one after another: whoever walks through them leaves a line with everybody on either side."""
    looks.note_look(at_desk(), [sides.debit, sides.credit])
    owners = owners_of([sides.debit, sides.credit])
    back = sides.credit if sides.credit.kind in OWNED else sides.debit
    return render_template(
        "points/desk_reverse.html", form=form, sides=sides, owners=owners, back=back, labels=labels, amounts=amounts,
    )  # fmt: skip


@bp.post("/rows/<int:row_id>/reverse")
@staff(*DESK)
def reverse(row_id: int) -> ResponseReturnValue:
    sides, form, status = _row(row_id), ReverseForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda made: url_for("points_proposals.show", uid=made.uid)):
                made = proposals.propose_reversal(at_desk(), row_id, form.why.data or "", form.amount.amount)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _asked(made.uid)
    return _reverse_page(form, sides), status
