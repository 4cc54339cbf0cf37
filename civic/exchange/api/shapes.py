"""Shapes of exchanges in the API: an exchange, its history, and the bodies of its verbs."""

from __future__ import annotations

import marshmallow as ma

from civic.core.web.api import Moment, PageArgs, page_schema
from civic.exchange.api.listings import MINUTES, WORDS
from civic.exchange.models import ExchangeState, Verb
from civic.exchange.operations import MOST_MINUTES
from civic.exchange.queries import Act, Side, Unpayable
from civic.points.api.fields import POINTS


class ExchangeArgs(PageArgs):
    """live: only those that run, or only the others."""

    live = ma.fields.Boolean(load_default=None, allow_none=True)


class ExchangeEventSchema(ma.Schema):
    """A line of the history.  side: which of the two; null for the site itself and for social workers."""

    verb = ma.fields.Enum(Verb, by_value=True, required=True)
    side = ma.fields.Enum(Side, by_value=True, allow_none=True, required=True)
    words = ma.fields.String(required=True)
    minutes = ma.fields.Integer(allow_none=True, required=True)
    at = Moment(required=True)


class ExchangeLineSchema(ma.Schema):
    """An exchange.  side: which of the two one is; acts: what one may do now; held: points that are held for it."""

    uid = ma.fields.String(required=True)
    state = ma.fields.Enum(ExchangeState, by_value=True, required=True)
    listing = ma.fields.String(required=True, metadata={"description": "uid of its listing"})
    title = ma.fields.String(required=True)
    side = ma.fields.Enum(Side, by_value=True, allow_none=True, required=True)
    requester = ma.fields.String(required=True, metadata={"description": "name"})
    helper = ma.fields.String(required=True, metadata={"description": "name"})
    minutes = ma.fields.Integer(required=True)
    delivered_minutes = ma.fields.Integer(allow_none=True, required=True)
    held = ma.fields.String(allow_none=True, required=True, metadata=POINTS)
    meet_at = Moment(required=True)
    station = ma.fields.String(allow_none=True, required=True, metadata={"description": "name of the station where they meet"})
    due_at = Moment(required=True)
    version = ma.fields.Integer(required=True, metadata={"description": "for `If-Match` of accept"})
    href = ma.fields.String(required=True)


EXCHANGE_PAGE = page_schema(ExchangeLineSchema)


class ExchangeFileSchema(ma.Schema):
    """A paper or picture that was handed in."""

    name = ma.fields.String(required=True)
    mime = ma.fields.String(required=True)
    size = ma.fields.Integer(required=True, metadata={"description": "bytes"})
    href = ma.fields.String(required=True, metadata={"description": "of the API: the file itself"})


class ExchangeDisputeSchema(ma.Schema):
    """What each of the two says.  Words and files: empty for a clerk, and when they are no longer kept."""

    by = ma.fields.String(required=True, metadata={"description": "name of the one who objected"})
    words = ma.fields.String(required=True)
    answer = ma.fields.String(required=True, metadata={"description": "of the other"})
    files = ma.fields.List(ma.fields.Nested(ExchangeFileSchema), required=True)
    opened_at = Moment(required=True)
    decide_by_on = ma.fields.Date(required=True, metadata={"description": "last of the ten working days"})
    is_late = ma.fields.Boolean(required=True)
    decided_at = Moment(required=True)
    decided_minutes = ma.fields.Integer(allow_none=True, required=True)
    decision = ma.fields.String(required=True, metadata={"description": "the social worker's words"})
    unpayable = ma.fields.Enum(
        Unpayable, by_value=True, allow_none=True, required=True, metadata={"description": "why only 0 minutes can be decided now"}
    )


class ExchangeRatingSchema(ma.Schema):
    """What one thought of the other."""

    by = ma.fields.String(required=True)
    about = ma.fields.String(required=True)
    stars = ma.fields.Integer(required=True)
    words = ma.fields.String(required=True)
    at = Moment(required=True)


class ExchangeSchema(ExchangeLineSchema):
    """An exchange with its history, its dispute and how the two rated it."""

    acts = ma.fields.List(ma.fields.Enum(Act, by_value=True), required=True)
    history = ma.fields.List(ma.fields.Nested(ExchangeEventSchema), required=True)
    dispute = ma.fields.Nested(ExchangeDisputeSchema, allow_none=True, required=True)
    ratings = ma.fields.List(ma.fields.Nested(ExchangeRatingSchema), required=True)


class RespondSchema(ma.Schema):
    """An answer to a listing.  at_station: null takes the suggestion (strangers meet at the station first)."""

    listing = ma.fields.String(required=True, validate=ma.validate.Length(max=40))
    minutes = ma.fields.Integer(required=True, strict=True, validate=MINUTES)
    meet_at = ma.fields.AwareDateTime(required=True)
    words = ma.fields.String(load_default="", validate=WORDS)
    at_station = ma.fields.Boolean(load_default=None, allow_none=True)


class WordsSchema(ma.Schema):
    """Words to the other person."""

    words = ma.fields.String(load_default="", validate=WORDS)


class MoveSchema(WordsSchema):
    """Another time."""

    meet_at = ma.fields.AwareDateTime(required=True)
    minutes = ma.fields.Integer(load_default=None, allow_none=True, strict=True, validate=MINUTES)


class DeliverSchema(WordsSchema):
    """How long it took, at most the agreed minutes."""

    minutes = ma.fields.Integer(required=True, strict=True, validate=MINUTES)


class ConfirmSchema(ma.Schema):
    """minutes: those that were read, so that nobody confirms another number."""

    minutes = ma.fields.Integer(load_default=None, allow_none=True, strict=True, validate=MINUTES)


class SaidSchema(ma.Schema):
    """Words that are the act."""

    words = ma.fields.String(required=True, validate=ma.validate.Length(1, 1000))


class SaidWithFilesSchema(SaidSchema):
    """Words with papers or pictures, as `multipart/form-data`; a JSON body takes words alone."""

    files = ma.fields.List(ma.fields.Raw(metadata={"type": "string", "format": "binary"}))


#: what `dispute` and `answer` take; both shapes are described, since a body in JSON holds no file
EVIDENCE = {
    "required": True,
    "content": {"application/json": {"schema": SaidSchema}, "multipart/form-data": {"schema": SaidWithFilesSchema}},
}


class RateSchema(WordsSchema):
    """1 to 5 stars."""

    stars = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, 5))


class DecideSchema(SaidSchema):
    """minutes: how many of the agreed ones count; 0 gives everything back."""

    minutes = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(0, MOST_MINUTES))
