"""Refusals of points: numbers in `context`, amounts in hundredths, with the same as text for the sentence."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class NotEnoughPoints(DomainError):
    """context: cost and available in hundredths; cost_text, available_text for people."""

    code = "not_enough_points"
    sentence = _l("This takes %(cost_text)s points; %(available_text)s are free in this wallet.")


class WrongAmount(DomainError):
    """Not a positive number of points with at most two places, or beyond what one row may move."""

    code = "wrong_amount"
    sentence = _l("Give a number of points above 0 with at most two places, for example 12.5.")


class WalletFrozen(DomainError):
    """A frozen wallet gives nothing away."""

    code, status = "wallet_frozen", 409
    sentence = _l("This wallet is frozen: points can be earned, not spent. Your community's office knows why.")


class ReceiverFrozen(DomainError):
    """A frozen wallet takes what is earned, but no gifts."""

    code, status = "receiver_frozen", 409
    sentence = _l("The wallet that should get these points is frozen and takes no gifts. Your community's office knows why.")


class WalletClosed(DomainError):
    """A closed wallet neither gives nor takes."""

    code, status = "wallet_closed", 409
    sentence = _l("This wallet is closed.")


class WalletNotEmpty(DomainError):
    """Closing waits for holds, or for dues."""

    code, status = "wallet_not_empty", 409
    sentence = _l("This wallet still has points in holds, or points to be recovered. Close it when they are settled.")


class SameWallet(DomainError):
    """Points would move from a wallet to itself."""

    code = "same_wallet"
    sentence = _l("From and to are the same wallet.")


class NoGift(DomainError):
    """Points go to a household or the care pool; never from person to person (L17)."""

    code = "no_gift"
    sentence = _l("Points can be given to your own household or to the care pool, not to another person.")


class OtherProgramme(DomainError):
    """Points of one programme are never points of another."""

    code = "other_programme"
    sentence = _l("These wallets belong to different districts' programmes; points do not go from one to the other.")


class HoldEnded(DomainError):
    """A hold was posted, voided or its time is over.  context: state."""

    code, status = "hold_ended", 409
    sentence = _l("These points are no longer held: the time was over, or they were already spent or given back.")


class SourceHeld(DomainError):
    """A cause holds points once; a renewal goes on with its hold.  context: source."""

    code, status = "source_held", 409
    sentence = _l("For this, points were held before. What ended is not held again: agree or order anew.")


class WalletFull(DomainError):
    """A grant or gift would pass the cap.  context: cap in hundredths; cap_text for people."""

    code, status = "wallet_full", 409
    sentence = _l("With this the wallet would hold more than the %(cap_text)s points that it may keep.")


class AboveHold(DomainError):
    """More is to be spent than was held.  context: held, asked in hundredths."""

    code = "above_hold"
    sentence = _l("%(asked_text)s points are more than the %(held_text)s that were held.")


class NotOpenYet(DomainError):
    """The policy's threshold: context: needed, earned in minutes; needed_hours, earned_hours for people."""

    code = "redemption_not_open"
    sentence = _l("Points can be spent after %(needed_hours)s hours of service; so far there are %(earned_hours)s.")


class OtherEarning(DomainError):
    """The same source and revision came with other contents."""

    code, status = "other_earning", 409
    sentence = _l("This was already booked with other numbers. A correction is a new revision.")


class NotReversible(DomainError):
    """A reversal of a reversal, of a hold's row, or of a row that was reversed already."""

    code, status = "not_reversible", 409
    sentence = _l("Only a row that moved points, and was not reversed yet, can be reversed.")


class SecondPersonNeeded(DomainError):
    """Who asks for it does not decide it."""

    code, status = "second_person_needed", 403
    sentence = _l("Somebody else has to decide this: who asks for it does not.")


class OwnHousehold(DomainError):
    """Nobody acts on her own household's wallets in office."""

    code, status = "own_household", 403
    sentence = _l("This wallet belongs to you or your household. A colleague has to do it.")


class AlreadyDecided(DomainError):
    """The proposal was decided or withdrawn."""

    code, status = "already_decided", 409
    sentence = _l("This was already decided or withdrawn.")


class NoProgramme(DomainError):
    """There is no programme of points for this place."""

    code, status = "no_programme", 409
    sentence = _l("There is no programme of points for this district yet.")


class NoPolicy(DomainError):
    """No version of the rules is in force."""

    code, status = "no_policy", 409
    sentence = _l("No rules of points are in force in this district yet.")


class NoHouseholdWallet(DomainError):
    """Only grown-up members act on a household's wallet."""

    code = "no_household"
    sentence = _l(
        "Only grown-up members of a household use its wallet. Is something wrong with your household? Your station puts it right."
    )


class AlreadyLookedAt(DomainError):
    """A colleague was first with this hint."""

    code, status = "already_looked_at", 409
    sentence = _l("A colleague has already looked at this and written down what was found.")


# ---- rules, and what needs two people; days in `context` are read as everywhere else on the page -----------------------------
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


class TooLate(DomainError):
    """A day so far ahead that it is a typing error; an adopted version stands, and none could begin before it.  context: last."""

    code = "too_late"
    sentence = _l("New rules begin within a year. The last possible day is %(last)s.")


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


# ---- monthly reports ---------------------------------------------------------------------------------------------------------
class MonthNotClosed(DomainError):
    """The last day of the month has no close yet.  context: month."""

    code, status = "month_not_closed", 409
    sentence = _l("The report of %(month)s waits until the last day of the month is closed, on the night after it.")
