"""The manifest of `territory`."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core.registry import Link, Module, Seed
from civic.core.viewer import Role, Viewer
from civic.territory import models, queries, seeds  # noqa: F401 - its tables
from civic.territory.api import blp
from civic.territory.checks import CHECKS
from civic.territory.loaders.buildings import BUILDINGS
from civic.territory.loaders.organisations import BODIES, ORGANISATIONS
from civic.territory.loaders.stations import STATIONS
from civic.territory.loaders.territories import TERRITORIES
from civic.territory.views import organisations, public, stations


def _desk_actions(viewer: Viewer) -> list[Link]:
    links = []
    if viewer.has_role(Role.manager, Role.administrator):
        links.append(Link(_l("Stations: hours and closures"), "/desk/stations/", "clock", _l("Opening hours, telephone, days closed"), 40))
    if viewer.has_role(Role.administrator):
        links.append(
            Link(
                _p("page", "Organisations"), "/desk/organisations/", "organisation", _l("Offices, committees, companies, associations"), 60
            )
        )
    return links


def _start(app: Flask) -> None:
    hooks = app.extensions["civic"].hooks
    hooks.place, hooks.nearby, hooks.path_of, hooks.district = queries.place, queries.nearby, queries.path_of, queries.district
    hooks.frame_topics = (queries.TOPIC,)


def manifest() -> Module:
    return Module(
        name="territory",
        title=_p("module", "Territory"),
        blueprints=(public.bp, stations.bp, organisations.bp),
        api=(blp,),
        desk_actions=_desk_actions,
        loaders=(TERRITORIES, BODIES, ORGANISATIONS, BUILDINGS, STATIONS),
        checks=CHECKS,
        seeds=(Seed("district", seeds.district, 20),),
        start=(_start,),
    )
