"""Refusals of service for service."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class ListingChanged(Conflict):
    """The listing was changed meanwhile: `current` is its version now."""

    code = "listing_changed"


class ExchangeChanged(Conflict):
    """The other person changed something meanwhile: `current` is the version now."""

    code = "exchange_changed"
    sentence = _l("The other person has changed this meanwhile. Look at it once more before you go on.")


class NoTitle(DomainError):
    """A listing without a title."""

    code = "no_title"
    sentence = _l("Say in a few words what you offer or need.")


class OutOfRange(DomainError):
    """A number beyond what is possible.  context: field, least, most."""

    code = "out_of_range"
    sentence = _l("Choose a number from %(least)s to %(most)s.")


class UntilOutOfRange(DomainError):
    """The last day lies in the past or too far away.  context: field, first, last (days)."""

    code = "until_out_of_range"
    sentence = _l("Choose a last day from %(first)s to %(last)s; it can be extended later.")


class MeetingOutOfRange(DomainError):
    """The time to meet has passed or lies too far away.  context: field, days."""

    code = "meeting_out_of_range"
    sentence = _l("Choose a time to meet that is still to come, at most %(days)s days from now.")


class TooManyListings(DomainError):
    """A person has at most so many listings at a time.  context: most."""

    code = "too_many_listings"
    sentence = _l("At most %(most)s offers and needs can be open at a time. End one that is no longer true.")


class ListingClosed(DomainError):
    """The listing is paused, ended, stopped, or its last day is over."""

    code, status = "listing_closed", 409
    sentence = _l("This offer or need is no longer open.")


class OwnListing(DomainError):
    """Nobody answers herself."""

    code = "own_listing"
    sentence = _l("This is your own offer or need.")


class SameHousehold(DomainError):
    """People of one household help each other without points."""

    code = "same_household"
    sentence = _l("You two live in one household. Points are for help between households.")


class AlreadyProposed(DomainError):
    """She has a running exchange about this listing."""

    code, status = "already_proposed", 409
    sentence = _l("You have already answered this one, and it is still running. Go on there.")


class TooLittle(DomainError):
    """So few minutes earn nothing.  context: field, least (minutes)."""

    code = "too_little"
    sentence = _l("An exchange counts from %(least)s minutes on.")


class NoWorth(DomainError):
    """The rules give no points for this kind of help."""

    code = "no_worth"
    sentence = _l("The rules of points give nothing for this kind of help, so there is nothing to exchange.")


class NotAParty(DomainError):
    """She is neither of the two."""

    code, status = "not_a_party", 403
    sentence = _l("Only the two people of an exchange can do this.")


class NotYourTurn(DomainError):
    """Who proposed last waits for the answer of the other."""

    code, status = "not_your_turn", 409
    sentence = _l("You proposed this yourself; the other person has to answer.")


class WrongMoment(DomainError):
    """The exchange is in another state.  context: state."""

    code, status = "wrong_moment", 409
    sentence = _l("The exchange has gone on meanwhile, so this is no longer possible. Open it again to see how it stands.")


class MoreThanAgreed(DomainError):
    """More minutes than were agreed.  context: field, most."""

    code = "more_than_agreed"
    sentence = _l("At most the agreed %(most)s minutes can be given. More is a gift, or a new exchange.")


class AlreadyConfirmed(DomainError):
    """She has said so already; the other has not answered yet."""

    code, status = "already_confirmed", 409
    sentence = _l("You have confirmed this already. It is the other person's turn.")


class AlreadyRated(DomainError):
    """One rating a person and exchange."""

    code, status = "already_rated", 409
    sentence = _l("You have already rated this exchange.")


class AlreadyAnswered(DomainError):
    """The other has answered the dispute."""

    code, status = "already_answered", 409
    sentence = _l("You have already answered. A social worker decides.")


class NothingSaid(DomainError):
    """Words are needed here.  context: field."""

    code = "nothing_said"
    sentence = _l("Say in a few words what happened; the others have to understand it.")


class InOwnCause(DomainError):
    """A social worker does not decide about herself or her household."""

    code, status = "in_own_cause", 403
    sentence = _l("This concerns you or your household. A colleague has to do it.")


class SpokeForOther(DomainError):
    """One account speaks for one side of an exchange: points never move by one person's word."""

    code, status = "spoke_for_other", 403
    sentence = _l("You have already spoken for the other person in this exchange. She does this herself, or a colleague does it for her.")


class SpokeForOne(DomainError):
    """Who spoke for one of the two does not decide between them."""

    code, status = "spoke_for_one", 403
    sentence = _l("You have spoken for one of the two in this exchange, so you cannot decide about it. A colleague has to do it.")


class TooEarly(DomainError):
    """Reported before the day on which they meet.  context: day."""

    code, status = "too_early", 409
    sentence = _l("You two meet on %(day)s; it can be reported from that day on.")


class TwoDistricts(DomainError):
    """The two belong to different districts' programmes of points."""

    code = "two_districts"
    sentence = _l("You two belong to different districts, and points do not go from one to the other.")
