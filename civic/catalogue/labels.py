"""Words for the catalogue's enums, in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.catalogue.models import Disclosure, GridItemKind, GridLimitUnit, HandlingType, ItemChannel, LimitSource, WordKind
from civic.core.workdays import Unit

CHANNEL: dict[ItemChannel, Any] = {
    ItemChannel.counter: _p("channel", "At the counter"),
    ItemChannel.online: _p("channel", "Online"),
    ItemChannel.kiosk: _p("channel", "Kiosk"),
    ItemChannel.home_visit: _p("channel", "At home"),
    ItemChannel.phone: _p("channel", "By phone"),
}
CHANNEL_ICON: dict[ItemChannel, str] = {
    ItemChannel.counter: "counter",
    ItemChannel.online: "online",
    ItemChannel.kiosk: "kiosk",
    ItemChannel.home_visit: "house",
    ItemChannel.phone: "phone",
}
UNIT: dict[Unit, Any] = {Unit.working_day: _p("unit", "working days"), Unit.calendar_day: _p("unit", "calendar days")}
HANDLING: dict[HandlingType, Any] = {
    HandlingType.on_spot: _l("Done while you wait"),
    HandlingType.within_limit: _l("Done within a promised time"),
}
SOURCE: dict[LimitSource, Any] = {
    LimitSource.statute: _l("Set by law"),
    LimitSource.reference: _l("Reference limit, not set by law"),
}
WORD_KIND: dict[WordKind, Any] = {
    WordKind.said: _l("What people say"),
    WordKind.old: _p("word", "Former name"),
    WordKind.short: _p("word", "Short form"),
    WordKind.summary: _l("One plain sentence"),
}
GRID_KIND: dict[GridItemKind, Any] = {
    GridItemKind.event: _p("grid item", "Event"),
    GridItemKind.component: _p("grid item", "Fixed facility"),
    GridItemKind.person_service: _p("grid item", "Visit to a person"),
}
DISCLOSURE: dict[Disclosure, Any] = {
    Disclosure.public: _p("disclosure", "Public"),
    Disclosure.personal: _p("disclosure", "Personal, never public"),
    Disclosure.restricted: _p("disclosure", "For named receivers only"),
}
GRID_UNIT: dict[GridLimitUnit, Any] = {
    GridLimitUnit.hour: _p("unit", "hours"),
    GridLimitUnit.working_hour: _p("unit", "working hours"),
    GridLimitUnit.working_day: _p("unit", "working days"),
}
