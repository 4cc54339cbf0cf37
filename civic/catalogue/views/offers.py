"""A community manager says which items the station offers: every station offers every item until then."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from civic.catalogue import operations, policies, queries
from civic.catalogue.forms import OfferForm
from civic.core.errors import DomainError
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse
from civic.territory import desk
from civic.territory.models import Station

bp = Blueprint("catalogue_offers", __name__, url_prefix="/desk/offers")


def _load(code: str) -> Station:
    station: Station = get_or_404(sa.select(Station).where(Station.code == code))
    authorize(policies.can_choose_offers, viewer(), station.territory.path)
    return station


@bp.get("/")
@staff(Role.manager, Role.administrator)
def index() -> str:
    """The stations that the viewer looks after."""
    rows = [view for view in desk.managed(viewer()) if policies.can_choose_offers(viewer(), view.path)]
    return render_template("catalogue/offers_index.html", rows=rows)


@bp.get("/<code>")
@staff(Role.manager, Role.administrator)
def show(code: str) -> str:
    return _page(_load(code), OfferForm())


@bp.post("/<code>")
@staff(Role.manager, Role.administrator)
def save(code: str) -> ResponseReturnValue:
    station, form, status = _load(code), OfferForm(), 422
    if form.validate_on_submit():
        offered, shown = ({int(v) for v in request.form.getlist(name) if v.isdecimal()} for name in ("offered", "shown"))
        shown &= {card.id for card in queries.overview().cards.values()}
        try:
            with keyed(form, to=lambda count: url_for(".show", code=code)):
                count = operations.offer_items(actor(), station, offered, shown)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(ngettext("Saved: %(num)s service changed.", "Saved: %(num)s services changed.", count), "good")
            return redirect(url_for(".show", code=code), 303)
    return _page(station, form), status


def _page(station: Station, form: OfferForm) -> str:
    whole, withheld = queries.overview(), queries.withheld_items(station.id)
    names = {group.code: group.name for group in whole.categories}
    groups: dict[str, list[queries.Card]] = {code: [] for code in names}
    for card in whole.cards.values():
        groups[card.category].append(card)
    return render_template(
        "catalogue/offers.html",
        station=station,
        form=form,
        withheld=withheld,
        groups=[(names[c], cards) for c, cards in groups.items() if cards],
    )
