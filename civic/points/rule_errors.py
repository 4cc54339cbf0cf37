"""Refusals of the rules of points and of what needs two people; days in `context` are read as everywhere else on the page."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class PolicyChanged(Conflict):
    """A colleague changed this version of the rules meanwhile: `current` is its lock version now."""

    code = "policy_changed"


class ProgrammeThere(DomainError):
    """A district gets a second programme."""

    code, status = "programme_there", 409
    sentence = _l("This district has a programme of points already.")


class VersionOpen(DomainError):
    """Another version is being written or posted: two at once could undo each other unseen.  context: number."""

    code, status = "version_open", 409
    sentence = _l("Version %(number)s is not decided yet. Go on with it, or withdraw it first.")


class NotThisStep(DomainError):
    """The version of the rules stands at another step than this act needs."""

    code, status = "policy_step", 409
    sentence = _l("This cannot be done with this version as it stands now. Open it again and look at its step.")


class NothingChanged(DomainError):
    """Proposed without a difference to the version in force."""

    code = "nothing_changed"
    sentence = _l("This version says the same as the rules that count now. Change something first.")


class TooEarly(DomainError):
    """The day from which a version is to count.  context: first, the first day that is possible."""

    code = "too_early"
    sentence = _l("New rules count from a day after their posting, never backwards. The first possible day is %(first)s.")


class BeforeAnnounced(DomainError):
    """Adopted for a day before the one that was posted.  context: announced."""

    code = "before_announced"
    sentence = _l("The posting announced %(announced)s. The rules may begin later than that, not earlier.")


class PostingHangs(DomainError):
    """Adopted or withdrawn while the posting is not closed."""

    code, status = "posting_hangs", 409
    sentence = _l("The posting of this version is not closed yet. It is closed with its outcome first; to withdraw the version earlier, take the posting down.")  # fmt: skip


class OutOfRange(DomainError):
    """A setting beyond its bounds.  context: least, most, as the form says them."""

    code = "out_of_range"
    sentence = _l("Give a number from %(least)s to %(most)s.")


class NoGeneralRate(DomainError):
    """A table of rates that says nothing of an ordinary hour."""

    code = "no_general_rate"
    sentence = _l("One row has to say what an hour is worth where no other row fits: every service, every way of recording.")


class RateTwice(DomainError):
    """Two rows for the same service and way of recording."""

    code = "rate_twice"
    sentence = _l("Two rows speak of the same service and the same way of recording. Keep one.")


class OtherGrant(DomainError):
    """The same source granted before, to another wallet or another amount."""

    code, status = "other_grant", 409
    sentence = _l("This was already granted with other numbers.")


class AboveRow(DomainError):
    """More is to be reversed than the row moved.  context: moved_text."""

    code = "above_row"
    sentence = _l("The row moved %(moved_text)s points; no more than that can be reversed.")


class NotYours(DomainError):
    """Withdrawn by somebody else than the one who asked."""

    code, status = "not_yours", 403
    sentence = _l("Only the one who asked for it can withdraw it. Somebody else can refuse it.")
