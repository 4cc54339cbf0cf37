"""Refusals of `territory`, whole sentences with their numbers."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class HoursUnreadable(DomainError):
    """A part of the hours that is not written as days and times."""

    code = "hours_unreadable"
    sentence = _l("The opening hours cannot be read at “%(part)s”. Write them like 1-5 08:30-12:00 14:00-17:30; 6 09:00-12:00.")


class DayWithoutHours(DomainError):
    """Days are named and no times."""

    code = "day_without_hours"
    sentence = _l("The opening hours name the days “%(part)s” without times. Leave days out on which the station is closed.")


class StretchBackwards(DomainError):
    """Closes before it opens."""

    code = "stretch_backwards"
    sentence = _l("%(day)s: the station cannot close at %(closes)s when it opens at %(opens)s.")


class StretchIncomplete(DomainError):
    """One of two times is missing."""

    code = "stretch_incomplete"
    sentence = _l("%(day)s: give both times, when the station opens and when it closes.")


class TooManyStretches(DomainError):
    """More stretches than a day has room for."""

    code = "too_many_stretches"
    sentence = _l("%(day)s has %(count)s stretches of opening hours; at most %(most)s are possible.")


class StretchesOverlap(DomainError):
    """The second begins before the first has ended."""

    code = "stretches_overlap"
    sentence = _l("%(day)s: the second stretch must begin after the first has ended.")


class StationChanged(Conflict):
    """A colleague saved the station meanwhile."""

    code = "station_changed"


class NotAPhone(DomainError):
    """Letters, too short or too long."""

    code = "not_a_phone"
    sentence = _l("%(phone)s is not a telephone number. Write digits with spaces or hyphens, like 020-8888 1234.")


class ClosureBackwards(DomainError):
    """The last day lies before the first."""

    code = "closure_backwards"
    sentence = _l("The last day (%(to_on)s) lies before the first (%(from_on)s).")


class ClosureOver(DomainError):
    """Days that are over cannot be announced or withdrawn."""

    code = "closure_over"
    sentence = _l("The closure ended on %(to_on)s. What is over stays as it was.")


class ClosureTooLong(DomainError):
    """More days than a closure may have."""

    code = "closure_too_long"
    sentence = _l(
        "The closure has %(days)s days; at most %(most)s are possible. A station that closes for good is ended in the list of organisations."
    )


class ClosureOverlaps(DomainError):
    """Some of its days are closed already."""

    code = "closure_overlaps"
    sentence = _l("The station is already closed from %(from_on)s to %(to_on)s. Withdraw that closure first, or choose other days.")


class ClosureWithdrawn(Conflict):
    """A colleague withdrew it first."""

    code = "closure_withdrawn"
    sentence = _l("Somebody has already withdrawn this closure.")


class OrganisationChanged(Conflict):
    """A colleague saved the organisation meanwhile."""

    code = "organisation_changed"


class BadCode(DomainError):
    """Characters that a code may not have."""

    code = "bad_code"
    sentence = _l("The code %(value)s may only have the letters A to Z, digits and hyphens.")


class CodeTaken(DomainError):
    """Another organisation has it."""

    code = "code_taken"
    sentence = _l("The code %(value)s belongs to another organisation.")


class UnknownOrganisation(DomainError):
    """No organisation with this code."""

    code = "unknown_organisation"
    sentence = _l("There is no organisation with the code %(value)s.")


class UnknownTerritory(DomainError):
    """No territory with this code."""

    code = "unknown_territory"
    sentence = _l("There is no district, town, community or grid with the code %(value)s.")


class NotARole(DomainError):
    """The code names an organisation, not a role."""

    code = "not_a_role"
    sentence = _l("%(value)s is an organisation and not a role that somebody holds.")


class ParentCycle(DomainError):
    """It would stand below itself."""

    code = "parent_cycle"
    sentence = _l("%(value)s stands below this organisation, so it cannot be its parent.")


class SuccessorCycle(DomainError):
    """It would follow itself."""

    code = "successor_cycle"
    sentence = _l("%(value)s is followed by this organisation, so it cannot be its successor.")


class EndsBeforeBeginning(DomainError):
    """The last day lies before the first."""

    code = "ends_before_beginning"
    sentence = _l("The last day (%(last_on)s) lies before the first (%(first_on)s).")


class OrganisationEnded(DomainError):
    """It has already ended."""

    code = "organisation_ended"
    sentence = _l("The organisation ended on %(last_on)s.")
