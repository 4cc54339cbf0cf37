"""The manifest of `catalogue`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.catalogue import api, operations, policies, queries
from civic.catalogue.loaders import grid, items, lists, words
from civic.catalogue.models import ServiceItem, ServiceItemVersion, VersionMaterial
from civic.catalogue.views import desk, offers, public
from civic.core import search
from civic.core.db import db
from civic.core.registry import Card, Check, Hit, Job, Link, Module, SearchSource, Violation
from civic.core.viewer import Role, Viewer
from civic.territory import desk as station_desk
from civic.territory.queries import StationView

MOST_STATIONS = 3  # links on the desk; more are a list


def _navigation(_viewer: Viewer) -> list[Link]:
    return [Link(pgettext("page", "Services"), url_for("catalogue.items"), "doc", position=10)]


def _door(_viewer: Viewer) -> list[Link]:
    return [Link(pgettext("page", "Services"), url_for("catalogue.items"), "doc", _("Allowances, cards, papers"), position=10)]


def _home(_viewer: Viewer) -> list[Card]:
    """The groups of people, each with its number, and the items most asked for."""
    whole = queries.overview()
    wanted = ("SI-LG-004", "SI-MZ-008", "SI-YB-001", "SI-ZJ-002", "SI-LG-012", "SI-CL-001")
    rows = [public.row_of(whole.cards[code], "", whole) for code in wanted if code in whole.cards]
    more = Link(_("All %(count)s services", count=len(whole.cards)), url_for("catalogue.items"))
    found = [Card(pgettext("home", "Often needed"), "catalogue/home_items.html", {"rows": rows}, more, 20)] if rows else []
    groups = [{"href": public.link_to(audience=g.code), "name": g.name, "count": g.count} for g in whole.audiences]
    return [*found, Card(pgettext("home", "For whom"), "catalogue/home_groups.html", {"groups": groups}, None, 30)] if groups else found


def _actions(viewer: Viewer) -> list[Link]:
    found = []
    if policies.can_edit_some_item(viewer):
        found.append(
            Link(
                _("Services of my department"),
                url_for("catalogue_desk.items"),
                "doc",
                _("Edit texts, limits, papers and everyday words"),
                position=10,
            )
        )
    if viewer.has_role(Role.manager):
        found += _offers(station_desk.managed(viewer))
    if policies.can_read_misses(viewer):
        found.append(Link(_("Searched in vain"), url_for("catalogue_desk.misses"), "search", _("Words that find nothing yet"), position=60))
    return found


def _offers(stations: Sequence[StationView]) -> list[Link]:
    """A link for each of a few stations, one to their list for many: a manager of the district looks after 174."""
    hint = _("Take services off the station’s list or put them back")
    if len(stations) > MOST_STATIONS:
        return [Link(_("What the stations offer"), url_for("catalogue_offers.index"), "counter", hint, position=20)]
    return [
        Link(
            _("What %(name)s offers", name=station.name), url_for("catalogue_offers.show", code=station.code), "counter", hint, position=20
        )
        for station in stations
    ]


def _hits(found: Sequence[search.Found]) -> dict[str, Hit]:
    whole = queries.overview()
    return {
        f.result: Hit(card.name, card.summary, url_for("catalogue.item", code=f.result), public.promise_words(card))
        for f in found
        if (card := whole.cards.get(f.result)) is not None
    }


def _papers() -> Iterator[Violation]:
    """At most one paper of a version may follow later; numbers of versions have no gap."""
    doubled = (
        sa.select(VersionMaterial.version_id)
        .where(VersionMaterial.may_follow)
        .group_by(VersionMaterial.version_id)
        .having(sa.func.count() > 1)
    )
    for version_id in db.session.scalars(doubled):
        yield Violation("service_item_version", version_id, "more than one paper may follow later")
    v = ServiceItemVersion
    gaps = sa.select(v.item_id).group_by(v.item_id).having(sa.func.count() != sa.func.max(v.number))
    for item_id in db.session.scalars(gaps):
        yield Violation("service_item", item_id, "the numbers of its versions have a gap")
    without = sa.select(ServiceItem.id).outerjoin(v, v.item_id == ServiceItem.id).where(v.id.is_(None))
    for item_id in db.session.scalars(without):
        yield Violation("service_item", item_id, "has no version")


def manifest() -> Module:
    return Module(
        name="catalogue",
        title=_l("Catalogue of services"),
        blueprints=(public.bp, desk.bp, offers.bp),
        api=(api.bp,),
        jobs=(Job("catalogue-versions", operations.follow_versions, at="00:01"),),
        roles=(Role.handler,),
        navigation=_navigation,
        elder_doors=_door,
        home_cards=_home,
        desk_actions=_actions,
        search_sources=(SearchSource(queries.SOURCE, _p("page", "Services"), _hits),),
        loaders=(*lists.ALL, items.SERVICE_ITEMS, grid.GRID_ITEMS, words.AUDIENCES, words.ITEM_WORDS, words.ITEM_AUDIENCES),
        checks=(Check("service items", _papers),),
    )
