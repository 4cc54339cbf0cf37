"""One's own points for programs: wallet, statement, giving away.  Amounts are decimal strings with two places; times carry their offset."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import marshmallow as ma
from flask import abort, request, url_for
from flask_babel import gettext as _

from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import signed_in
from civic.core.web.api import ApiBlueprint, BilingualSchema, Moment, page_schema
from civic.core.web.api_acts import KEY, TOKEN, act_once
from civic.points import amounts, queries, statement
from civic.points.api.fields import Points
from civic.points.errors import WrongAmount
from civic.points.models import Reason, WalletKind, WalletState
from civic.points.operations.donations import Way, give, giver_of
from civic.points.queries import Mine, WalletView
from civic.points.statement import CURSOR, Asked, Cursor, HoldEnd, Line, Side, shown

bp = ApiBlueprint("api-points", __name__, description="Points: one's own wallet, its statement, giving away")
AMOUNT = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,2})?", re.ASCII)


class YearSchema(ma.Schema):
    """Points by the year in which they came.  last_on: last day on which they count, null where they do not expire."""

    year = ma.fields.Integer(required=True)
    balance = Points()
    last_on = ma.fields.Date(allow_none=True, required=True)


class HeldSchema(ma.Schema):
    """Points set aside, and what for."""

    amount = Points()
    source = ma.fields.String(required=True)
    until = Moment(required=True)


class PlainWalletSchema(ma.Schema):
    """A wallet.  balance = held + free; due: points that the next ones pay.  programme: of which district, empty before the first points."""

    uid = ma.fields.String(required=True, allow_none=True, metadata={"description": "null before the first points"})
    kind = ma.fields.Enum(WalletKind, by_value=True, required=True)
    state = ma.fields.Enum(WalletState, by_value=True, required=True)
    programme = ma.fields.Nested(BilingualSchema, required=True)
    balance = Points()
    held = Points()
    free = Points()
    due = Points()
    years = ma.fields.List(ma.fields.Nested(YearSchema), required=True)
    holds = ma.fields.List(ma.fields.Nested(HeldSchema), required=True)
    rules = ma.fields.Function(
        lambda wallet: wallet.rules.number if wallet.rules else None,
        metadata={"type": ["string", "null"], "description": "number of the rules in force"},
    )


class WalletSchema(PlainWalletSchema):
    """One's own wallet, and the household's for its grown-up members.  others: of other districts, and closed ones."""

    household = ma.fields.Nested(PlainWalletSchema, allow_none=True, required=True)
    others = ma.fields.List(ma.fields.Nested(PlainWalletSchema), required=True)


class StatementArgs(ma.Schema):
    """wallet: own, household, or the uid of one of them.  show: one side alone.  month: YYYY-MM.  before: lines below this one, as `next` says it."""

    wallet = ma.fields.String(load_default="own", validate=ma.validate.Regexp(r"^(own|household|[A-Za-z0-9_-]{22})$"))
    show = ma.fields.Enum(Side, by_value=True, load_default=Side.every)
    month = ma.fields.String(load_default="", validate=ma.validate.Regexp(r"^(20[0-9]{2}-(0[1-9]|1[0-2]))?$"))
    before = ma.fields.String(load_default="", validate=ma.validate.Regexp(rf"^({CURSOR.pattern})?$"))
    limit = ma.fields.Integer(load_default=20, validate=ma.validate.Range(1, 100))


class HoldSchema(ma.Schema):
    """How what was set aside stands."""

    end = ma.fields.Enum(HoldEnd, by_value=True, required=True)
    until = Moment(required=True)
    ended_at = Moment(required=True)
    spent = Points()


class LineSchema(ma.Schema):
    """A line: what moved points.  effect: what it does to the free points today; after: what was free after it."""

    id = ma.fields.Integer(required=True)
    at = Moment(required=True)
    reason = ma.fields.Enum(Reason, by_value=True, required=True)
    source = ma.fields.String(required=True, metadata={"description": "kind:id of the cause"})
    rules = ma.fields.String(attribute="policy", required=True)
    amount = Points()
    effect = Points()
    after = Points(allow_none=True)
    hold = ma.fields.Nested(HoldSchema, allow_none=True, required=True)
    detail = ma.fields.Dict(required=True, metadata={"description": "numbers and codes that explain it"})
    title = ma.fields.String(required=True, metadata={"description": "in the reader's language"})
    explanation = ma.fields.List(ma.fields.String(), required=True)
    href = ma.fields.String(required=True, allow_none=True, metadata={"description": "page of the cause"})


LINE_PAGE = page_schema(LineSchema)  # one frame for every statement


class GiftSchema(ma.Schema):
    """from: own or household; wallet: which of them, by its uid, without one the one that is used; to: pool (the care pool) or household (one's own)."""

    giver = ma.fields.String(data_key="from", load_default="own", validate=ma.validate.OneOf(["own", "household"]))
    to = ma.fields.String(load_default="pool", validate=ma.validate.OneOf(["pool", "household"]))
    wallet = ma.fields.String(load_default="", validate=ma.validate.Length(max=32))
    amount = ma.fields.Raw(required=True, metadata={"type": "string", "pattern": f"^{AMOUNT.pattern}$", "example": "12.50"})


class GivenSchema(ma.Schema):
    """The gift is booked."""

    line = ma.fields.Integer(required=True, metadata={"description": "id of its first row"})
    amount = Points()
    free = Points()
    href = ma.fields.String(required=True, metadata={"description": "page of the receipt"})


def _mine() -> Mine:
    person_id = viewer().person_id
    return queries.mine(person_id) if person_id is not None else Mine(0)


@bp.get("/points/wallet")
@signed_in
@limits.per_minute(240)
@bp.response(200, WalletSchema)
@bp.doc(security=TOKEN)
def wallet() -> Any:
    """Read one's own wallet, the household's, and those of other districts."""
    mine = _mine()
    nothing = WalletView(0, "", WalletKind.member, WalletState.open, "", mine.person_id, None, 0, 0, queries.NO_PROGRAMME, None)
    own = mine.own or nothing
    names = ("kind", "state", "programme", "balance", "held", "free", "due", "years", "holds", "rules")
    values = {name: getattr(own, name) for name in names}
    others = [each for each in mine.every if each is not own and each is not mine.household]
    return _Whole({**values, "uid": own.uid or None, "household": mine.household, "others": others})


class _Whole:
    """A wallet with what belongs to it, for the schema."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


@bp.get("/points/statement")
@signed_in
@limits.per_minute(120)
@bp.arguments(StatementArgs, location="query")
@bp.response(200, LINE_PAGE)
@bp.doc(security=TOKEN)
def read_statement(args: dict[str, Any]) -> dict[str, Any]:
    """List what moved the points, newest first; a hold and its end are one line."""
    return statement_of(_mine(), args)


def statement_of(mine: Mine, args: dict[str, Any]) -> dict[str, Any]:
    """A page of the statement of one of somebody's wallets."""
    wanted = args["wallet"]
    found = mine.own if wanted == "own" else mine.household if wanted == "household" else mine.of(wanted)
    if found is None:
        if wanted != "own":
            abort(404, _("There is no such wallet."))
        return {"items": [], "total": 0, "next": None}
    month = date.fromisoformat(f"{args['month']}-01") if args["month"] else None
    asked = Asked(args["show"], month, Cursor.read(args["before"]))
    page = statement.page(found, asked, args["limit"])
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "before"}
    return {
        "items": _lines(page.lines),
        "total": statement.count(found, Asked(args["show"], month)),
        "next": url_for(request.endpoint or "", **{**(request.view_args or {}), **kept, "before": str(page.before)})
        if page.before
        else None,
    }


def _lines(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    same = ("id", "at", "reason", "source", "policy", "amount", "effect", "after", "hold", "detail")
    return [
        {**{name: getattr(line, name) for name in same}, "title": words.title, "explanation": words.notes, "href": words.href or None}
        for line, words in zip(lines, shown.shown(lines), strict=True)
    ]


@bp.post("/points/donations")
@signed_in
@limits.per_minute(30)
@bp.arguments(GiftSchema)
@bp.response(201, GivenSchema)
@bp.alt_response(404, description="A wallet that is none of theirs")
@bp.alt_response(409, description="The key was used with another body, or the wallet is frozen or closed")
@bp.alt_response(422, description="No amount (`wrong_amount`), not enough points (`not_enough_points`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def donate(wanted: dict[str, Any]) -> Any:
    """Give points to the care pool or to one's own household; Idempotency-Key must be sent."""
    mine, way = _mine(), way_of(wanted)
    uid = giver_in(mine, way, wanted)
    return act_once(GivenSchema, given, lambda: give(actor(), mine.person_id, way, amount_of(wanted["amount"]), uid), wanted, status=201)


def way_of(wanted: dict[str, Any]) -> Way:
    """From where to where; 400 for one and the same."""
    if wanted["giver"] == wanted["to"] == "household":
        abort(400, _("From and to are the same wallet."))
    return Way.household_pool if wanted["giver"] == "household" else Way(wanted["to"])


def giver_in(mine: Mine, way: Way, wanted: dict[str, Any]) -> str:
    """The uid of the wallet that is to give, '' for the one that is used; 404 for one that does not belong to whom the gift is from."""
    uid: str = wanted["wallet"]
    if uid and giver_of(mine, way, uid) is None:
        abort(404, _("There is no such wallet."))
    return uid


def amount_of(value: Any) -> int:
    """A decimal string in hundredths.  Raises WrongAmount for everything else: a number, a sign, an exponent, full-width digits."""
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise WrongAmount(field="amount")
    return amounts.parse(value)


def given(row_id: int) -> dict[str, Any]:
    """A gift that is booked, for the schema."""
    gift = queries.gift(row_id)
    if gift is None:
        raise ValueError("a gift without its row")
    free = queries.views(queries.by_id(gift.wallet_id))[0].free
    return {"line": row_id, "amount": gift.amount, "free": free, "href": url_for("points.receipt", row_id=row_id)}
