"""Words for the enums of service for service, in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.exchange.models import Category, ExchangeState, ListingKind, ListingState, Place, Verb
from civic.exchange.queries import Unpayable

KIND: dict[ListingKind, Any] = {
    ListingKind.offer: _p("listing", "Offer"),
    ListingKind.need: _p("listing", "Need"),
}
LISTING: dict[ListingState, Any] = {
    ListingState.open: _p("listing", "Open"),
    ListingState.paused: _p("listing", "Paused"),
    ListingState.ended: _p("listing", "Ended"),
    ListingState.stopped: _p("listing", "Stopped by a social worker"),
}
CATEGORY: dict[Category, Any] = {
    Category.company: _l("Company, a walk, reading aloud"),
    Category.errands: _l("Shopping and errands"),
    Category.escort: _l("Going along to the clinic or an office"),
    Category.home: _l("Cleaning and small repairs"),
    Category.phone: _l("Help with phone and computer"),
    Category.lessons: _p("help", "Lessons"),
    Category.care: _l("Minding children, pets or plants"),
    Category.crafts: _l("Sewing, haircuts, instruments"),
    Category.translation: _p("help", "Translating"),
    Category.other: _p("help", "Something else"),
}
PLACE: dict[Place, Any] = {
    Place.station: _l("At the service station"),
    Place.helpers: _l("At the helper's home"),
    Place.requesters: _l("At the home of the one who is helped"),
    Place.online: _p("place", "Online"),
    Place.outside: _p("place", "Outdoors"),
}
STATE: dict[ExchangeState, Any] = {
    ExchangeState.proposed: _l("Proposed, waits for an answer"),
    ExchangeState.agreed: _l("Agreed, points are held"),
    ExchangeState.delivered: _l("Delivered, waits for confirmation"),
    ExchangeState.confirmed: _p("exchange", "Confirmed"),
    ExchangeState.disputed: _l("Disputed, a social worker decides"),
    ExchangeState.settled: _l("Decided by a social worker"),
    ExchangeState.declined: _p("exchange", "Declined"),
    ExchangeState.cancelled: _p("exchange", "Cancelled"),
    ExchangeState.lapsed: _p("exchange", "Lapsed"),
}
VERB: dict[Verb, Any] = {
    Verb.proposed: _p("exchange", "proposed it"),
    Verb.retimed: _l("proposed another time"),
    Verb.said: _p("exchange", "wrote"),
    Verb.agreed: _p("exchange", "agreed"),
    Verb.declined: _p("exchange", "declined"),
    Verb.cancelled: _p("exchange", "cancelled"),
    Verb.delivered: _l("said that it was done"),
    Verb.confirmed: _p("exchange", "confirmed"),
    Verb.settled: _p("exchange", "Points moved"),
    Verb.rated: _p("exchange", "rated it"),
    Verb.disputed: _p("exchange", "objected"),
    Verb.answered: _p("exchange", "answered"),
    Verb.decided: _l("A social worker decided"),
    Verb.stopped: _l("A social worker stopped it"),
    Verb.lapsed: _p("exchange", "Time was over"),
    Verb.ended: _l("One of the two can no longer take part"),
}
#: languages in which people can talk to each other, by ISO 639-3 code where there is no shorter one
SPEAKS: dict[str, Any] = {
    "cmn": _p("speech", "Mandarin"),
    "yue": _p("speech", "Cantonese"),
    "hak": _p("speech", "Hakka"),
    "nan": _p("speech", "Teochew and Hokkien"),
    "en": _p("speech", "English"),
    "fr": _p("speech", "French"),
    "ar": _p("speech", "Arabic"),
    "ja": _p("speech", "Japanese"),
    "ko": _p("speech", "Korean"),
    "sgn": _p("speech", "Sign language"),
}
UNPAYABLE: dict[Unpayable, Any] = {
    Unpayable.released: _l(
        "The points were given back, because the time for which they were held was over. Only 0 minutes can be decided."
    ),
    Unpayable.frozen: _l(
        "The wallet of the person who was helped is frozen. Until the office has looked at it, only 0 minutes can be decided."
    ),
}
