"""A printed slip for the person beside the clerk: opens her account, or sets a new password, without mail and phone."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import pgettext

from civic.accounts import operations, policies, queries, second_step
from civic.accounts.forms import ActForm
from civic.accounts.models import TicketKind
from civic.accounts.operations.tickets import LASTS
from civic.accounts.views.sign_in import answer
from civic.core import clock
from civic.core.viewer import Channel, Role, actor, viewer
from civic.core.web.access import get_or_404, hidden, staff
from civic.core.web.context import site_address
from civic.people import queries as people
from civic.people.models import Person

bp = Blueprint("account_slips", __name__, url_prefix="/desk/account-slips")


def _person() -> Person:
    """The person of the address, 404 where the clerk does not reach her."""
    found: Person = get_or_404(
        sa.select(Person).where(Person.uid == request.args.get("person", ""), Person.died_on.is_(None), Person.emptied_at.is_(None))
    )
    hidden(policies.can_print_slip, viewer(), people.path_of(found.id))
    return found


def _trail() -> list[dict[str, str]]:
    return [{"label": pgettext("page", "Desk"), "href": "/desk/"}, {"label": pgettext("page", "Slip for an account")}]


@bp.get("/new")
@staff(Role.clerk)
def new() -> ResponseReturnValue:
    person = _person()
    (row,) = people.rows_of([person.id])
    has_account = bool(queries.accounts_of_person(person.id))
    return answer(render_template("accounts/slip_new.html", row=row, has_account=has_account, form=ActForm(formdata=None), trail=_trail()))


@bp.post("/new")
@staff(Role.clerk)
def print_slip() -> ResponseReturnValue:
    """The one time that the slip is shown."""
    person = _person()
    survivor = people.survivor_of(person.id) or person.id
    token = operations.print_slip(actor(Channel.desk), survivor)
    (row,) = people.rows_of([survivor])
    address = site_address(url_for("accounts.register_with", token=token))
    page = render_template(
        "accounts/slip.html",
        row=row,
        picture=second_step.picture(address),
        typed="-".join(token[i : i + 4] for i in range(0, len(token), 4)),
        site=site_address(url_for("accounts.register")),
        until=clock.local(clock.now() + LASTS[TicketKind.slip]).date(),
        has_account=bool(queries.accounts_of_person(survivor)),
        trail=_trail(),
    )
    return answer(page)
