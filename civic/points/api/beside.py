"""Points at the desk for programs: the person beside somebody who works there; what she has, her statement, a wallet for her, a gift as she says.

Whose community the desk serves (else 404); each request is noted as a look that she can read.  Wallets as rows and proposals: `desk.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort, url_for
from flask_babel import gettext as _

from civic.core.db import db
from civic.core.viewer import Channel, actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, staff
from civic.core.web.api import page_schema
from civic.core.web.api_acts import KEY, TOKEN, act_once, reached
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people.models import LookKind, Person
from civic.points import policies, queries
from civic.points.api.desk import READERS, WalletStateSchema, bp, state_of
from civic.points.api.own import (
    LINE_PAGE,
    GiftSchema,
    GivenSchema,
    PlainWalletSchema,
    StatementArgs,
    amount_of,
    given,
    giver_in,
    statement_of,
    way_of,
)
from civic.points.operations import desk, donations, looks
from civic.points.queries import ruling
from civic.points.queries.holders import holder_of_person


class OpenWalletSchema(ma.Schema):
    """of: her own wallet, or her household's."""

    of = ma.fields.String(load_default="own", validate=ma.validate.OneOf(["own", "household"]))


def _beside(uid: str, policy: Any = policies.can_serve) -> tuple[int, str]:
    """The row that counts for somebody whose community one's desk serves, and its path; of others even the existence is private."""
    row_id = db.session.scalar(sa.select(Person.id).where(Person.uid == uid))
    her = people_queries.survivor_of(row_id) or row_id
    path = people_queries.path_of(her) if her is not None else ""
    if her is None or not policy(viewer(), path):
        abort(404, _("There is no such person."))
    return her, path


def _to_open(uid: str) -> int:
    """For whom one may open a wallet: the desk of the community for anybody, clerks for whom it knows to live there."""
    her, path = _beside(uid)
    authorize(policies.can_open_beside, viewer(), path, people_queries.verified_in(her))
    return her


@bp.get("/points/people/<uid>/wallets")
@staff(*policies.BESIDE, *READERS)
@limits.per_minute(120)
@bp.response(200, page_schema(PlainWalletSchema))
@bp.doc(security=TOKEN)
def wallets_of(uid: str) -> Any:
    """List what a person has, as her own page says it, her own wallet first; the look is noted."""
    her, path = _beside(uid, policies.can_read_beside)
    looks.note_look_beside(actor(Channel.api), her)
    mine = queries.mine(her)
    items = list(mine.every)
    if policies.can_see_at_desk(viewer(), path):  # of a household whose wallet she is too young to use: for those who see wallets anyway
        household, known = people_queries.household_of(her), {each.id for each in items}
        ids = [row.id for row in ruling.wallets_of_person(her, household.id if household else None) if row.id not in known]
        items += [queries.views(queries.by_id(row_id))[0] for row_id in ids]
    return {"items": items, "total": len(items), "next": None}


@bp.get("/points/people/<uid>/statement")
@staff(*policies.BESIDE, *READERS)
@limits.per_minute(120)
@bp.arguments(StatementArgs, location="query")
@bp.response(200, LINE_PAGE)
@bp.doc(security=TOKEN)
def statement_beside(args: dict[str, Any], uid: str) -> dict[str, Any]:
    """List what moved a person's points, as her own page says it; the look is noted."""
    her, _path = _beside(uid, policies.can_read_beside)
    looks.note_look_beside(actor(Channel.api), her)
    return statement_of(queries.mine(her), args)


@bp.post("/points/people/<uid>/wallets")
@staff(*policies.BESIDE)
@reached(_to_open)
@bp.arguments(OpenWalletSchema)
@bp.response(201, WalletStateSchema)
@bp.alt_response(400, description="She is in no household, or no key was sent")
@bp.alt_response(403, description="A clerk, for somebody whom the desk does not know to live there")
@bp.alt_response(409, description="The district has no programme (`no_programme`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def open_wallet(wanted: dict[str, Any], uid: str) -> Any:
    """Open a wallet for somebody who has none, so that points can come before the first hours; the one that is there comes back."""
    her = _to_open(uid)
    people.note_look(actor(Channel.api), [her], LookKind.page)
    of_household = wanted["of"] == "household"
    if of_household and people_queries.household_of(her) is None:
        abort(400, _("This person is in no household."))
    return act_once(WalletStateSchema, state_of, lambda: desk.open_for(actor(), her, of_household=of_household), wanted, status=201)


def _to_give(uid: str) -> int:
    """Somebody alive, and none of the worker's own household."""
    her, path = _beside(uid)
    if not db.session.get_one(Person, her).is_alive:
        abort(404, _("There is no such person."))
    authorize(policies.can_give_beside, viewer(), holder_of_person(her, path))
    return her


@bp.post("/points/people/<uid>/donations")
@staff(*policies.BESIDE)
@limits.per_minute(30)
@reached(_to_give)
@bp.arguments(GiftSchema)
@bp.response(201, GivenSchema)
@bp.alt_response(404, description="Nobody whom one serves, or a wallet that is none of hers")
@bp.alt_response(409, description="The key was used with another body, or the wallet is frozen or closed")
@bp.alt_response(422, description="No amount (`wrong_amount`), not enough points (`not_enough_points`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def give_beside(wanted: dict[str, Any], uid: str) -> Any:
    """Give points away for the person who stands at the desk and says so; she is told."""
    her, way = _to_give(uid), way_of(wanted)
    people.note_look(actor(Channel.api), [her], LookKind.page)
    wallet = giver_in(queries.mine(her), way, wanted)
    by = replace(actor(), channel=Channel.desk)

    def told(row_id: int) -> dict[str, Any]:
        return {**given(row_id), "href": url_for("points_beside.receipt", uid=uid, row_id=row_id)}

    return act_once(GivenSchema, told, lambda: donations.give_beside(by, her, way, amount_of(wanted["amount"]), wallet), wanted, status=201)
