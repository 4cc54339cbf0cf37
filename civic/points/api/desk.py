"""The desk of points for programs: a wallet, proposals and their decision, freezing and closing; over the same operations as the pages."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort
from flask_babel import gettext as _

from civic.core.db import db
from civic.core.viewer import Channel, actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, staff
from civic.core.web.api import ApiBlueprint, Moment, PageArgs, page_of, page_schema
from civic.core.web.api_acts import KEY, TOKEN, act_once, reached
from civic.people.models import LookKind
from civic.points import policies, queries
from civic.points.api.fields import Points
from civic.points.api.own import (
    PlainWalletSchema,
    amount_of,
)
from civic.points.models import OWNED, Proposal, ProposalKind, ProposalState, Wallet, WalletState
from civic.points.operations import desk, looks, proposals
from civic.points.queries import ruling
from civic.points.queries.holders import holder_of
from civic.territory.models import Territory

bp = ApiBlueprint("api-points-desk", __name__, description="Points at the desk: wallets, proposals that another person decides")
DESK, READERS, DECIDERS = policies.DESK, policies.READERS, policies.DECIDERS
LARGEST = 10**18  # more fits no row
AMOUNT = {"type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,2})?$", "example": "12.50"}


class PointsProposalSchema(ma.Schema):
    """A grant, an opening or a reversal that one person asked for and another decides.  row: the one to be reversed."""

    uid = ma.fields.String(required=True)
    kind = ma.fields.Enum(ProposalKind, by_value=True, required=True)
    state = ma.fields.Enum(ProposalState, by_value=True, required=True)
    wallet = ma.fields.String(required=True)
    amount = Points()
    from_pool = ma.fields.Boolean(required=True, metadata={"description": "of a grant: from the care pool, else newly issued"})
    row = ma.fields.Integer(allow_none=True, required=True)
    asked_at = Moment(required=True)
    decided_at = Moment(required=True)
    is_mine = ma.fields.Boolean(required=True, metadata={"description": "asked for by this token's account"})


class ProposalArgs(PageArgs):
    """show: waiting (oldest first) or decided (newest first)."""

    show = ma.fields.String(load_default="waiting", validate=ma.validate.OneOf(["waiting", "decided"]))


class PointsWishSchema(ma.Schema):
    """kind: from the pool, newly issued, or brought along.  why: sealed, for those who decide."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(["pool", "issued", "opening"]))
    amount = ma.fields.Raw(required=True, metadata=AMOUNT)
    why = ma.fields.String(required=True, validate=ma.validate.And(ma.validate.Length(1, 1000), ma.validate.Regexp(r"(?s).*\S")))


class PointsReversalSchema(ma.Schema):
    """amount: at most what the row moved; without one, all of it."""

    amount = ma.fields.Raw(load_default=None, allow_none=True, metadata=AMOUNT)
    why = ma.fields.String(required=True, validate=ma.validate.And(ma.validate.Length(1, 1000), ma.validate.Regexp(r"(?s).*\S")))


class PointsDecisionSchema(ma.Schema):
    """answer: sealed beside the reason."""

    answer = ma.fields.String(load_default="", validate=ma.validate.Length(max=1000))


class FreezeWalletSchema(ma.Schema):
    """why: a word that the owner reads."""

    why = ma.fields.String(required=True, validate=ma.validate.OneOf(desk.FREEZE_WHY))


class CloseWalletSchema(ma.Schema):
    """to: where what is left goes, as the owner chose."""

    why = ma.fields.String(required=True, validate=ma.validate.OneOf(desk.CLOSE_WHY))
    to = ma.fields.String(required=True, validate=ma.validate.OneOf(["household", "pool"]))


class WalletStateSchema(ma.Schema):
    """The wallet after the act."""

    uid = ma.fields.String(required=True)
    state = ma.fields.Enum(WalletState, by_value=True, required=True)


# ---- wallets ----------------------------------------------------------------------------------------------------------------
def _wallet(uid: str, policy: Any = policies.can_work) -> Wallet:
    """In the viewer's reach; of others even the existence is private.  For an act: not of her own household."""
    row = db.session.scalars(sa.select(Wallet).where(Wallet.uid == uid)).one_or_none()
    holder = holder_of(row) if row is not None else None
    is_act = policy is policies.can_work
    if row is None or holder is None or not policy(viewer(), holder.path) or (is_act and row.kind not in OWNED):
        abort(404, _("There is no such wallet."))
    if is_act:
        authorize(policies.can_freeze, viewer(), holder)
    return row


@bp.get("/points/wallets/<uid>")
@staff(*DESK, *READERS)
@limits.per_minute(120)
@bp.response(200, PlainWalletSchema)
@bp.doc(security=TOKEN)
def wallet(uid: str) -> Any:
    """Read a wallet of one's community; the look is noted."""
    return _read(_wallet(uid, policies.can_see_at_desk))


@bp.get("/points/wallets/by-number/<int:number>")
@staff(*READERS)
@limits.per_minute(120)
@bp.response(200, PlainWalletSchema)
@bp.doc(security=TOKEN)
def wallet_by_number(number: int) -> Any:
    """Read the wallet that an auditor's file names by its number; the look is noted."""
    uid = db.session.scalar(sa.select(Wallet.uid).where(Wallet.id == number)) if number < LARGEST else None
    return _read(_wallet(uid or "", policies.can_see_at_desk))


def _read(row: Wallet) -> queries.WalletView:
    wallet_id = row.id
    looks.note_look(actor(Channel.api), [row])
    return queries.views(queries.by_id(wallet_id))[0]


def state_of(uid: str) -> dict[str, Any]:
    state = db.session.scalars(sa.select(Wallet.state).where(Wallet.uid == uid)).one()
    return {"uid": uid, "state": state}


def _act(uid: str, act: Any, body: Any = None) -> Any:
    return act_once(WalletStateSchema, lambda _done: state_of(uid), act, body)


@bp.post("/points/wallets/<uid>/freeze")
@staff(*DESK)
@reached(_wallet)
@bp.arguments(FreezeWalletSchema)
@bp.response(200, WalletStateSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def freeze(wanted: dict[str, Any], uid: str) -> Any:
    """Freeze a wallet: it earns and does not spend."""
    row = _wallet(uid)
    return _act(uid, lambda: desk.freeze_wallet(actor(), row.id, wanted["why"]), wanted)


@bp.post("/points/wallets/<uid>/unfreeze")
@staff(*DESK)
@reached(_wallet)
@bp.response(200, WalletStateSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def unfreeze(uid: str) -> Any:
    """Open a frozen wallet again."""
    row = _wallet(uid)
    return _act(uid, lambda: desk.unfreeze_wallet(actor(), row.id))


@bp.post("/points/wallets/<uid>/close")
@staff(*DESK)
@reached(_wallet)
@bp.arguments(CloseWalletSchema)
@bp.response(200, WalletStateSchema)
@bp.alt_response(409, description="Holds or what is due wait (`wallet_not_empty`), or it is closed (`wallet_closed`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def close(wanted: dict[str, Any], uid: str) -> Any:
    """Close a wallet for good."""
    row = _wallet(uid)
    to_household = wanted["to"] == "household"
    if to_household and desk.household_of(row) is None:
        abort(400, _("The owner of this wallet is in no household."))
    return _act(uid, lambda: desk.close_wallet(actor(), row.id, wanted["why"], to_household=to_household), wanted)


# ---- proposals --------------------------------------------------------------------------------------------------------------
def _shown(row: Proposal, wallet_uid: str) -> dict[str, Any]:
    return {
        "uid": row.uid, "kind": row.kind, "state": row.state, "wallet": wallet_uid, "amount": row.amount, "from_pool": row.from_pool,
        "row": row.transfer_id, "asked_at": row.created_at, "decided_at": row.decided_at, "is_mine": row.maker_id == viewer().account_id,
    }  # fmt: skip


def _one(row: Proposal) -> dict[str, Any]:
    return _shown(row, db.session.scalars(sa.select(Wallet.uid).where(Wallet.id == row.wallet_id)).one())


def _decided(act: Any, body: Any = None, status: int = 200) -> Any:
    return act_once(PointsProposalSchema, _one, act, body, status=status)


@bp.get("/points/proposals")
@staff(*DECIDERS, *READERS)
@limits.per_minute(120)
@bp.arguments(ProposalArgs, location="query")
@bp.response(200, page_schema(PointsProposalSchema))
@bp.doc(security=TOKEN)
def list_proposals(args: dict[str, Any]) -> dict[str, Any]:
    """List proposals of what lies in one's reach; without names, a wallet tells them.  Each is noted as a look."""
    query = ruling.proposals(viewer(), waiting=args["show"] == "waiting")
    rows = db.session.execute(query.limit(args["limit"]).offset(args["offset"])).all()
    body = page_of([_shown(row, found.uid) for row, found in rows], ruling.count_of(query), args)
    looks.note_look(actor(Channel.api), [found for _row, found in rows], LookKind.found)
    return body


@bp.post("/points/wallets/<uid>/proposals")
@staff(*DESK)
@reached(_wallet)
@bp.arguments(PointsWishSchema)
@bp.response(201, PointsProposalSchema)
@bp.alt_response(422, description="No amount (`wrong_amount`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def propose(wanted: dict[str, Any], uid: str) -> Any:
    """Ask for a grant or an opening; another person decides."""
    row = _wallet(uid)

    def ask() -> Proposal:
        amount = amount_of(wanted["amount"])
        if wanted["kind"] == "opening":
            return proposals.propose_opening(actor(), row.id, amount, wanted["why"])
        return proposals.propose_grant(actor(), row.id, amount, wanted["why"], from_pool=wanted["kind"] == "pool")

    return _decided(ask, wanted, 201)


def _row(row_id: int) -> list[Wallet]:
    """The people's wallets of a row in the viewer's reach; whether one is her own household's the operation asks."""
    sides = ruling.sides_of(row_id)
    owned = ([w for w in (sides.debit, sides.credit) if w.kind in OWNED] or [sides.credit]) if sides is not None else []
    holders = [holder_of(found) for found in owned]
    if not any(policies.can_work(viewer(), holder.path) for holder in holders):
        abort(404, _("There is no such row."))
    return owned


@bp.post("/points/rows/<int:row_id>/reversal")
@staff(*DESK)
@reached(_row)
@bp.arguments(PointsReversalSchema)
@bp.response(201, PointsProposalSchema)
@bp.alt_response(409, description="It is no row that moves points, or was reversed already (`not_reversible`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def reverse(wanted: dict[str, Any], row_id: int) -> Any:
    """Ask that a row be reversed; another person decides.  Whose points it moved is noted as looked at."""
    looks.note_look(actor(Channel.api), _row(row_id))

    def ask() -> Proposal:
        amount = amount_of(wanted["amount"]) if wanted["amount"] is not None else None
        return proposals.propose_reversal(actor(), row_id, wanted["why"], amount)

    return _decided(ask, wanted, 201)


def _proposal(uid: str, policy: Any = policies.can_decide_at) -> Proposal:
    row = db.session.scalars(sa.select(Proposal).where(Proposal.uid == uid)).one_or_none()
    path = db.session.scalar(sa.select(Territory.path).where(Territory.id == row.territory_id)) if row is not None else None
    if row is None or path is None or not policies.can_see_proposal(viewer(), path):
        abort(404, _("There is no such proposal."))
    authorize(policy, viewer(), path)
    return row


@bp.get("/points/proposals/<uid>")
@staff(*DECIDERS, *READERS)
@bp.response(200, PointsProposalSchema)
@bp.doc(security=TOKEN)
def proposal(uid: str) -> Any:
    """Read one proposal; its words stand on its page.  Of a reversal both sides are noted as looked at."""
    row = _proposal(uid, policies.can_see_proposal)
    sides = ruling.sides_of(row.transfer_id) if row.transfer_id is not None else None
    wallets = [db.session.get_one(Wallet, row.wallet_id), *([sides.debit, sides.credit] if sides is not None else [])]
    looks.note_look(actor(Channel.api), wallets)
    return _one(row)


@bp.post("/points/proposals/<uid>/<any('approve', 'refuse'):answer>")
@staff(*DECIDERS)
@reached(_proposal)
@bp.arguments(PointsDecisionSchema)
@bp.response(200, PointsProposalSchema)
@bp.alt_response(403, description="The one who asked, or her own household (`second_person_needed`, `own_household`)")
@bp.alt_response(409, description="Somebody was first (`already_decided`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def decide(wanted: dict[str, Any], uid: str, answer: str) -> Any:
    """Approve or refuse as another person than the one who asked."""
    row = _proposal(uid)
    return _decided(lambda: proposals.decide(actor(), row.id, answer == "approve", wanted["answer"]), wanted)


@bp.post("/points/proposals/<uid>/withdraw")
@staff(*DECIDERS)
@bp.response(200, PointsProposalSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def withdraw(uid: str) -> Any:
    """Take back what one asked for."""
    row = _proposal(uid)
    return _decided(lambda: proposals.withdraw(actor(), row.id))
