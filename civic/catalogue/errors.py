"""Refusals of the catalogue."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class UnknownMaterials(DomainError):
    """Codes that are not in the list of materials."""

    code = "unknown_materials"
    sentence = _l("No material has the code %(codes)s. Choose from the list; new materials are added by the administrator.")


class UnknownLaws(DomainError):
    """Names that are not in the list of laws."""

    code = "unknown_laws"
    sentence = _l("%(names)s is not in the list of laws. Write the name with its brackets 《》 as the list has it.")


class OnlyFollowing(DomainError):
    """The paper that may follow later is not among the papers."""

    code = "follows_nothing"
    sentence = _l("The material %(material)s may follow later, but it is not in the list of materials above.")


class PastDay(DomainError):
    """A version cannot count from a day that is over: people have relied on what stood there."""

    code = "past_day"
    sentence = _l("%(day)s is over. A new version counts from today (%(today)s) or later.")


class OnSpotNeedsNoDays(DomainError):
    """即办件 with days."""

    code = "on_spot_days"
    sentence = _l("Done while you wait means a promise of 0 days; %(days)s are given.")


class PromiseAfterLaw(DomainError):
    """The promise may not be longer than the law, both in the same unit."""

    code = "promise_after_law"
    sentence = _l("The promise of %(promised)s days is longer than the limit of %(legal)s days.")


class NoChannel(DomainError):
    """An item that cannot be handed in anywhere."""

    code = "no_channel"
    sentence = _l("Choose at least one way to hand the matter in.")


class ItemChanged(Conflict):
    """A colleague saved another version meanwhile."""

    code = "item_changed"
