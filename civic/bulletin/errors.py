"""Refusals of the bulletin."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import Conflict, DomainError


class AnnouncementChanged(Conflict):
    """A colleague saved the announcement meanwhile: `current` is its version now."""

    code = "announcement_changed"


class PostingChanged(Conflict):
    """A colleague changed the posting meanwhile: `current` is its version now."""

    code = "posting_changed"


class NoWords(DomainError):
    """A title in neither language."""

    code = "no_words"
    sentence = _l("Write at least one title, in Chinese or in English.")


class EndsBeforeItBegins(DomainError):
    """until is not after from."""

    code = "ends_before_it_begins"
    sentence = _l("The end has to be later than the beginning.")


class LanguageMissing(DomainError):
    """Published in one language alone without being urgent; `field` is the one that is empty."""

    code = "language_missing"
    sentence = _l("One language is missing. Write it too, or mark the announcement as urgent: then it goes out now and the missing language is queued for translation.")  # fmt: skip


class NotADraft(DomainError):
    """Published or withdrawn already."""

    code = "not_a_draft"
    sentence = _l("This announcement is not a draft any more.")


class NotPublished(DomainError):
    """Only what is published can be withdrawn."""

    code = "not_published"
    sentence = _l("This announcement is not published, so there is nothing to withdraw.")


class WithdrawnStays(DomainError):
    """A withdrawn announcement is not written again."""

    code = "withdrawn"
    sentence = _l("This announcement was withdrawn. Write a new one.")


class NotThisState(DomainError):
    """The posting is in another state than the act needs."""

    code = "posting_state"
    sentence = _l("This cannot be done with the posting as it stands now. Open it again and look at its state.")


class RemovedEarly(DomainError):
    """Taken down before its last day: `until` the last day, `days` the whole period; needs a reason."""

    code = "removed_early"
    sentence = _l(
        "The last day of this posting is %(until)s, today is %(today)s. Taken down before that day is over, the period does not count: "
        "when it is put up again, all %(days)s days begin anew. If it has to come down, say why; the reason is public."
    )


class StillPosted(DomainError):
    """Closed before the last day is over."""

    code = "still_posted"
    sentence = _l("The last day is %(until)s; until that day is over objections count. Close it from the next day on.")


class OpenObjections(DomainError):
    """Closed with an open objection."""

    code = "open_objections"
    sentence = _l("%(count)s objections have no answer yet. Answer each before you close the posting.")


class NotPostedNow(DomainError):
    """An objection to a posting that is not up, or whose last day is over."""

    code = "not_posted_now"
    sentence = _l("Objections count while the posting is up. This one is not up today; the page says why and until when it was.")


class AlreadyAnswered(DomainError):
    """A second answer to one objection."""

    code = "already_answered"
    sentence = _l("This objection has its answer; an answer stands as it was given.")


class ContactNeeded(DomainError):
    """An objection without a name or a way to answer."""

    code = "contact_needed"
    sentence = _l("Write your name and how we reach you, so that the answer finds you. Neither is published.")


class PlaceUnknown(DomainError):
    """No territory has this code."""

    code = "place_unknown"
    sentence = _l("No community, town or district has this code.")


class MailWrong(DomainError):
    """Not a mail address."""

    code = "mail_wrong"
    sentence = _l("This is not a complete mail address. It looks like name@example.cn.")


class LinkOver(DomainError):
    """A link that confirms or ends a subscription is unknown or used up."""

    code, status = "link_over", 404
    sentence = _l("This link is no longer valid. Subscribe again to get a new one.")
