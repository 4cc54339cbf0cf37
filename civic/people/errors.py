"""Refusals of people: a whole sentence each, with the numbers of the rule in `context` and never a personal value."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class SamePerson(DomainError):
    """An open document with this number exists already: `person` is the uid of its row."""

    code, status = "same_person", 409
    sentence = _l("A person with this document is recorded already. Open that row instead of making a second one.")


class NameMissing(DomainError):
    """A person needs a name."""

    code = "name_missing"
    sentence = _l("Give the name as it stands on the document.")


class NameTooLong(DomainError):
    """`count` characters, at most `most`."""

    code = "name_too_long"
    sentence = _l("A name has at most %(most)s characters; this one has %(count)s.")


class BadBirthday(DomainError):
    """No day, a day to come, or before `first`."""

    code = "bad_birthday"
    sentence = _l("The birth day must be a day between %(first)s and %(today)s, or a year alone.")


class BadNumber(DomainError):
    """A document number that cannot be: wrong length, letters, or check digit."""

    code = "bad_number"
    sentence = _l(
        "This number cannot be right: a resident card has 17 digits and a check digit that follows from them. Compare it with the card."
    )


class ZeroedNumber(DomainError):
    """A spreadsheet keeps 15 digits and turns the rest into zeros."""

    code = "zeroed_number"
    sentence = _l("The end of this number has been turned into zeros by a spreadsheet. Type it again from the card.")


class NumberAgainstBirthday(DomainError):
    """The birth day inside a resident number is another than the one given."""

    code = "number_against_birthday"
    sentence = _l("The number on the card tells another birth day than the one given. One of them is typed wrong.")


class BadPhone(DomainError):
    """No telephone number of any country."""

    code = "bad_phone"
    sentence = _l("This is not a telephone number. Write a number of mainland China as 138 0013 8000, others with + and the country.")


class BadMail(DomainError):
    """No mail address."""

    code = "bad_mail"
    sentence = _l("This is not a mail address.")


class PersonChanged(Conflict):
    """A colleague saved this person meanwhile."""

    code = "person_changed"


class NotLiving(DomainError):
    """The row is of somebody who died, was merged or emptied."""

    code = "not_living"
    sentence = _l("This row is closed: the person died, or the row was merged or emptied.")


class DayToCome(DomainError):
    """An event cannot be recorded before it happened."""

    code = "day_to_come"
    sentence = _l("%(day)s has not come yet. Record it when it has happened.")


class BeforeBirth(DomainError):
    """An event before the person was born or before what it ends began."""

    code = "before_begin"
    sentence = _l("%(day)s is before what it ends began.")


class NoSuchHome(DomainError):
    """The home does not exist or is closed."""

    code = "no_such_home"
    sentence = _l("There is no such home. Choose building and room from the list.")


class SameHousehold(DomainError):
    """They are in it already."""

    code = "same_household"
    sentence = _l("These people are in this household already.")


class HouseholdEnded(DomainError):
    """The household has no members any more."""

    code = "household_ended"
    sentence = _l("This household has ended. Choose another one, or begin a new one.")


class WholeHousehold(DomainError):
    """Splitting off everybody is no split."""

    code = "whole_household"
    sentence = _l("Somebody has to stay in the household. If all of them leave, record a move instead.")


class SelfRepresentation(DomainError):
    """Nobody represents herself."""

    code = "self_representation"
    sentence = _l("Nobody is her own guardian or proxy.")


class AlreadyRepresented(DomainError):
    """The same relation is open."""

    code = "already_represented"
    sentence = _l("This is recorded already.")


class SameRow(DomainError):
    """A row cannot be merged with itself."""

    code = "same_row"
    sentence = _l("Choose two different rows.")


class MergeOpen(DomainError):
    """One of the rows waits in another merge or was merged."""

    code = "merge_open"
    sentence = _l("One of these rows is part of a merge already. End that one first.")


class SecondPerson(DomainError):
    """The one who asked cannot decide."""

    code, status = "second_person", 403
    sentence = _l("A second person has to decide this, not the one who asked for it.")


class NotWaiting(DomainError):
    """It was decided meanwhile."""

    code, status = "not_waiting", 409
    sentence = _l("This was decided already.")


class NeedsReview(DomainError):
    """A module objects: the territory above decides."""

    code, status = "needs_review", 403
    sentence = _l("Something speaks against this merge, so the town or street above has to decide it.")


class NoDocumentSeen(DomainError):
    """Verification needs a document whose original was seen."""

    code = "no_document_seen"
    sentence = _l("Verifying needs a valid document whose original you hold in your hand.")


class LivesElsewhere(DomainError):
    """Verification needs a home in the community."""

    code = "lives_elsewhere"
    sentence = _l("She has no home in this community on record. Record where she lives first.")


class AlreadyVerified(DomainError):
    """Verified in this community."""

    code = "already_verified"
    sentence = _l("She is verified in this community already.")


class BadCode(DomainError):
    """Four digits, not all alike and no run."""

    code = "bad_code"
    sentence = _l("Choose four digits that are not all alike and do not count up or down.")


class WrongCard(DomainError):
    """Card and code do not belong together; the same words for an unknown card."""

    code, status = "wrong_card", 403
    sentence = _l("Card and code do not belong together.")


class LookNeedsReason(DomainError):
    """Showing a value in clear needs a purpose and a reason in words."""

    code, status = "look_needs_reason", 403
    sentence = _l("Say why you need to see this. The person can read your reason, and this attempt was noted.")


class StillNeeded(DomainError):
    """What keeps a row from being emptied: `count` kinds of open work."""

    code = "still_needed"
    sentence = _l("This row cannot be emptied yet: %(count)s open matters still need it.")


class AccountStillOpen(DomainError):
    """A row is emptied after its account was closed, after a merge, or three years after a death."""

    code = "account_still_open"
    sentence = _l("Close the account first: only then can the row be emptied.")


class OldNotice(DomainError):
    """Consent is given to the version in force."""

    code = "old_notice"
    sentence = _l("The privacy notice has changed meanwhile. Read version %(version)s and agree to it.")


class NeedsGuardian(DomainError):
    """Under 14 a guardian agrees (PIPL art. 31)."""

    code = "needs_guardian"
    sentence = _l("For a child under 14 a parent or guardian has to agree.")


class NoticeTooEarly(DomainError):
    """A notice counts from today at the earliest."""

    code = "notice_too_early"
    sentence = _l("A privacy notice can count from %(today)s at the earliest.")
