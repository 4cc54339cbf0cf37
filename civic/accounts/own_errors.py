"""Refusals that people meet with their own login: registering, confirming an address, resetting, leaving."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import DomainError


class LinkOver(DomainError):
    """A link or slip that was used, is too old, or never was: one answer for all three."""

    code, status = "link_over", 410
    sentence = _l("This link or slip was used already, or its time is over. Ask for a new one.")


class WrongTicketCode(DomainError):
    """The six digits that were sent do not fit, were used, or were tried five times."""

    code, status = "wrong_ticket_code", 401
    sentence = _l(
        "This code does not fit, or its time is over. Compare it with the newest text message; after five tries ask for a new one."
    )


class WrongFact(DomainError):
    """The second fact is not the one on record."""

    code, status = "wrong_fact", 401
    sentence = _l(
        "This does not fit what is on record. Type the last four signs of your document, or your member number, or come to the desk."
    )


class ChooseOne(DomainError):
    """Several people share the address; nobody, or somebody else, was chosen."""

    code = "choose_one"
    sentence = _l("Several people use this address. Choose yourself in the list.")


class SeveralAccounts(DomainError):
    """A program signed in with an address and password that fit several accounts."""

    code, status = "several_accounts", 409
    sentence = _l("Several people use this address. Sign in with your login or member number instead.")


class MustAgree(DomainError):
    """Without consent nothing is stored."""

    code = "must_agree"
    sentence = _l("Read the privacy notice and agree to it; without that nothing may be stored about you.")


class NoNotice(DomainError):
    """Nobody can register before the district has published its privacy notice."""

    code, status = "no_notice", 503
    sentence = _l("Registering opens as soon as the privacy notice is published. Until then the desk helps you.")


class ChildNeedsGuardian(DomainError):
    """Under 14 a guardian who is signed in registers the child."""

    code = "child_needs_guardian"
    sentence = _l("For a child under 14 a parent or guardian has to agree: she signs in and registers the child on her own account page.")


class NotAChild(DomainError):
    """Only people under 18 are registered by a guardian."""

    code = "not_a_child"
    sentence = _l("A guardian registers people under 18. Grown-ups register themselves, or at the desk.")


class PasswordMissing(DomainError):
    """An account without a phone needs a password."""

    code = "password_missing"
    sentence = _l("Choose a password: without a phone number it is your only way to sign in.")


class LastWayIn(DomainError):
    """What is to be removed is the only way to sign in."""

    code, status = "last_way_in", 409
    sentence = _l("This is your only way to sign in. Choose a password or add another way first.")


class AddressThere(DomainError):
    """The account has this address already."""

    code, status = "address_there", 409
    sentence = _l("This is on your account already.")


class OidcTaken(DomainError):
    """The outside sign-in belongs to another account."""

    code, status = "oidc_taken", 409
    sentence = _l("This outside sign-in belongs to another account here. Remove it there first.")


class OidcFailed(DomainError):
    """The outside sign-in gave no answer that can be believed."""

    code, status = "oidc_failed", 502
    sentence = _l("The outside sign-in gave no valid answer. Try again, or sign in here with your password.")


class ProofNeeded(DomainError):
    """The password was begun by somebody else, and nobody has shown yet that it is the person of the login who uses it."""

    code, status = "proof_needed", 403
    sentence = _l("Your password began at the desk. Show once, with your member card, that it is you; then this opens.")


class StillOpen(DomainError):
    """A right is not ended while its work lies open: `count` kinds of it."""

    code, status = "still_open", 409
    sentence = _l("This right still has open work (%(count)s kinds). Hand it over to a colleague first.")


class NothingOpen(DomainError):
    """A colleague handed the work over meanwhile, or it was finished."""

    code, status = "nothing_open", 409
    sentence = _l("Nothing is open under this right any more, so there is nothing to hand over.")


class WrongColleague(DomainError):
    """Work goes only to somebody who holds the same role for this place."""

    code = "wrong_colleague"
    sentence = _l("Choose a colleague who holds the same role for this territory and organisation today.")


class RightsHeld(DomainError):
    """An account with rights is closed at the desk, where its work is handed over."""

    code, status = "rights_held", 409
    sentence = _l("This account holds rights. Your administrator ends them first, so that no work is left lying.")
