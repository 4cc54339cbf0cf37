"""Words for the enums of `territory`, in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.territory.models import OrganisationKind, TerritoryKind

TERRITORY_KIND: dict[TerritoryKind, Any] = {
    TerritoryKind.district: _p("territory", "District"),
    TerritoryKind.town: _p("territory", "Town"),
    TerritoryKind.street: _p("territory", "Street"),
    TerritoryKind.community: _p("territory", "Community"),
    TerritoryKind.village: _p("territory", "Village"),
    TerritoryKind.grid: _p("territory", "Grid"),
}
ORGANISATION_KIND: dict[OrganisationKind, Any] = {
    OrganisationKind.department: _p("organisation", "Department"),
    OrganisationKind.line: _l("Line of a department"),
    OrganisationKind.town_office: _p("organisation", "Town office"),
    OrganisationKind.residents_committee: _p("organisation", "Residents’ committee"),
    OrganisationKind.villagers_committee: _p("organisation", "Villagers’ committee"),
    OrganisationKind.supervision_committee: _p("organisation", "Supervision committee"),
    OrganisationKind.station: _p("organisation", "Station"),
    OrganisationKind.agency: _p("organisation", "Agency"),
    OrganisationKind.company: _p("organisation", "Company"),
    OrganisationKind.charity: _p("organisation", "Charity"),
    OrganisationKind.association: _p("organisation", "Association"),
    OrganisationKind.role: _l("Role held in each territory"),
}
