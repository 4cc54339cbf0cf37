"""Every act on a listing and in an exchange for programs: a table of verbs, at the door of one's own program and at the desk's for the person beside.

`POST /exchange/exchanges/<uid>/accept` is one of the two herself, `POST /exchange/people/<person>/exchanges/<uid>/accept` is said for her at
the desk: the same operation, key and answer.  What holds, moves or gives back points must be sent with a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask import abort, request
from flask_babel import gettext as _

from civic.core import files
from civic.core.viewer import actor, viewer
from civic.core.web.access import signed_in, staff
from civic.core.web.api_acts import IF_MATCH, NOTHING, Door, Reached, Said, Takes, Verb, publish, sent_version
from civic.core.web.errors import problem
from civic.exchange import operations, queries
from civic.exchange.api.beside import DESK, HER, IN_OWN_CAUSE, Beside, her_listing, look
from civic.exchange.api.beside_exchanges import as_she_reads, her_exchange
from civic.exchange.api.exchanges import own_exchange, whole
from civic.exchange.api.listings import ExtendSchema, ListingSchema, ResumeSchema, bp, own_listing
from civic.exchange.api.shapes import (
    EVIDENCE,
    ConfirmSchema,
    DeliverSchema,
    ExchangeSchema,
    MoveSchema,
    RateSchema,
    SaidSchema,
    WordsSchema,
)


# ---- what comes with them ---------------------------------------------------------------------------------------------------
def _version(_body: Said) -> tuple[Said, Any]:
    said = {"base": sent_version()}
    return said, said


def _handed_in(_body: Said) -> tuple[Said, Any]:
    """An objection or its answer: the words, and `keep`, which keeps the files; under a key their sums stand for the files.

    Files are kept before the operation takes them over, as those of the page are (core/files.py).
    """
    is_form = request.mimetype == "multipart/form-data"
    wanted: dict[str, Any] = bp.ARGUMENTS_PARSER.parse(SaidSchema(), request, location="form" if is_form else "json")
    if strange := sorted(set(request.files) - {"files"}):
        abort(problem(400, "malformed", _("Files come in the field “files”."), {"fields": {name: ["Unknown field."] for name in strange}}))
    uploads = request.files.getlist("files")
    if len(uploads) > files.MOST_FILES:
        raise files.TooManyFiles(count=len(uploads), most=files.MOST_FILES)
    given = [(upload.read(), upload.filename or "") for upload in uploads]
    for upload in uploads:
        upload.stream.seek(0)  # another run after two writers met reads them again
    sums = {"files": [[hashlib.sha256(data).hexdigest(), name] for data, name in given]} if given else {}

    def keep() -> list[str]:
        return [files.store(data, name, account_id=viewer().account_id).sha256 for data, name in given]

    return {**wanted, "keep": keep}, {**wanted, **sums}


VERSION = Takes(read=_version, parameters=(IF_MATCH,))
FILES = Takes(read=_handed_in, described={"requestBody": EVIDENCE})
BAD_FILES = {422: "A file that is not taken: `file_kind_refused`, `file_too_large`, `too_many_files`"}


# ---- the verbs --------------------------------------------------------------------------------------------------------------
def _told(own: str, desk: str) -> dict[str, str]:
    return {"own": own, "desk": desk}


NO_LONGER = {
    409: "It was ended or stopped (`listing_closed`)",
    422: "In the past or too far away (`until_out_of_range`), or twenty others stand (`too_many_listings`)",
}
LISTING_VERBS = (
    Verb(
        "pause", NOTHING, lambda by, row, her, _said: operations.pause_listing(by, row, her),
        _told("Show one's own listing to nobody for now.", "Show hers to nobody until it is resumed."),
    ),
    Verb(
        "resume", Takes(ResumeSchema), lambda by, row, her, said: operations.resume_listing(by, row, her, said["until_on"]),
        _told("Show it again.", "Show hers again."),
        refusals=NO_LONGER,
    ),
    Verb(
        "extend", Takes(ExtendSchema), lambda by, row, her, said: operations.extend_listing(by, row, her, said["until_on"]),
        _told("Give it a new last day, also when the old one is over.", "Give hers a new last day, also when the old one is over."),
        refusals=NO_LONGER,
    ),
    Verb(
        "end", NOTHING, lambda by, row, her, _said: operations.end_listing(by, row, her),
        _told("End one's own listing for good; unanswered proposals about it are declined.",
              "End hers for good; unanswered proposals about it are declined."),
    ),
)  # fmt: skip

EXCHANGE_VERBS = (
    Verb(
        "accept", VERSION, lambda by, row, her, said: operations.accept(by, row, her, said["base"]),
        _told("Agree to what the other proposed: the requester's points are held.",
              "Agree for her to what the other proposed: the requester's points are held."),
        must=True,
        refusals={412: "Another time was proposed since: `context.current` is the version now", 422: "Not enough points (`not_enough_points`)"},
    ),
    Verb(
        "decline", Takes(WordsSchema), lambda by, row, her, said: operations.decline(by, row, her, said["words"]),
        _told("Say no to what the other proposed.", "Say no for her."),
    ),
    Verb(
        "move", Takes(MoveSchema),
        lambda by, row, her, said: operations.retime(by, row, her, said["meet_at"], said["words"], said["minutes"]),
        _told("Propose another time; then the other has to answer.", "Propose another time for her; then the other has to answer."),
    ),
    Verb(
        "cancel", Takes(WordsSchema), lambda by, row, her, said: operations.cancel(by, row, her, said["words"]),
        _told("Call it off before it was delivered; held points are free again.",
              "Call it off for her before it was delivered; held points are free again."),
        must=True,
    ),
    Verb(
        "deliver", Takes(DeliverSchema), lambda by, row, her, said: operations.deliver(by, row, her, said["minutes"], said["words"]),
        _told("Say that it was done and how long it took.", "Say for her that it was done and how long it took."),
        must=True,
    ),
    Verb(
        "confirm", Takes(ConfirmSchema), lambda by, row, her, said: operations.confirm(by, row, her, said["minutes"]),
        _told("Say so too: the points move.  While the requester's wallet is frozen the state stays `delivered`.",
              "Confirm for her: the points move.  While the requester's wallet is frozen the state stays `delivered`."),
        must=True, refusals={409: "Another number of minutes was said since (`exchange_changed`)"},
    ),
    Verb(
        "dispute", FILES, lambda by, row, her, said: operations.open_dispute(by, row, her, said["words"], said["keep"]()),
        _told("Object to what was said to be delivered; with files as `multipart/form-data`.",
              "Object for her to what was said to be delivered; with files as `multipart/form-data`."),
        refusals=BAD_FILES,
    ),
    Verb(
        "answer", FILES, lambda by, row, her, said: operations.answer_dispute(by, row, her, said["words"], said["keep"]()),
        _told("Say how one saw it, once; with files as `multipart/form-data`.",
              "Say how she saw it, once; with files as `multipart/form-data`."),
        refusals=BAD_FILES,
    ),
    Verb(
        "say", Takes(SaidSchema), lambda by, row, her, said: operations.say(by, row, her, said["words"]),
        _told("Write to the other while it runs.", "Write to the other for her while it runs."),
    ),
    Verb(
        "rate", Takes(RateSchema), lambda by, row, her, said: operations.rate(by, row, her, said["stars"], said["words"]),
        _told("Give stars, once, after it is finished.", "Give her stars, once, after it is finished."),
    ),
)  # fmt: skip


# ---- the doors --------------------------------------------------------------------------------------------------------------
def _own(row_id: int, told: Callable[[], Any]) -> Reached:
    return Reached(row_id, viewer().person_id or 0, actor(), told)


def _hers(beside: Beside, row_id: int, told: Callable[[], Any]) -> Reached:
    return Reached(row_id, beside.person_id, beside.actor(), told, begun=lambda: look(beside))


def _own_listing(uid: str) -> Reached:
    return _own(own_listing(uid)[0].id, lambda: queries.listing_by_uid(uid))


def _her_listing(person: str, uid: str) -> Reached:
    beside, row = her_listing(person, uid)
    return _hers(beside, row.id, lambda: queries.listing_by_uid(uid))


def _own_exchange(uid: str) -> Reached:
    return _own(own_exchange(uid).id, lambda: whole(uid, viewer().person_id))


def _her_exchange(person: str, uid: str) -> Reached:
    beside, row = her_exchange(person, uid)
    return _hers(beside, row.id, lambda: as_she_reads(beside, uid))


AT_THE_DESK: dict[str, Any] = {"mark": staff(*DESK), "prefix": "beside_", "refusals": {403: IN_OWN_CAUSE}}
publish(
    bp,
    LISTING_VERBS,
    Door("own", "/exchange/listings/<uid>", signed_in, _own_listing, ListingSchema),
    Door("desk", f"{HER}/listings/<uid>", load=_her_listing, schema=ListingSchema, **AT_THE_DESK),
)
publish(
    bp,
    EXCHANGE_VERBS,
    Door("own", "/exchange/exchanges/<uid>", signed_in, _own_exchange, ExchangeSchema),
    Door("desk", f"{HER}/exchanges/<uid>", load=_her_exchange, schema=ExchangeSchema, **AT_THE_DESK),
)
