"""Words for the enums of points, and for the kinds of service and the ways of recording that rates speak of."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.points.models import (
    HintKind,
    HintState,
    HoldState,
    PolicyState,
    ProposalKind,
    ProposalState,
    Reason,
    TransferKind,
    WalletKind,
    WalletState,
)

POLICY = {
    PolicyState.draft: _p("rules", "Draft"),
    PolicyState.posted: _p("rules", "Posted"),
    PolicyState.adopted: _p("rules", "Adopted"),
    PolicyState.withdrawn: _p("rules", "Withdrawn"),
}
PROPOSALS = {
    ProposalKind.grant: _p("proposal", "Grant"),
    ProposalKind.reversal: _p("proposal", "Reversal"),
    ProposalKind.opening: _p("proposal", "Opening balance"),
}
DECISIONS = {
    ProposalState.waiting: _l("Waits for a second person"),
    ProposalState.done: _p("proposal", "Done"),
    ProposalState.refused: _p("proposal", "Refused"),
    ProposalState.withdrawn: _p("proposal", "Withdrawn"),
}
WALLETS = {
    WalletKind.member: _p("wallet", "Own wallet"),
    WalletKind.household: _p("wallet", "Household's wallet"),
    WalletKind.care_pool: _p("wallet", "Care pool"),
    WalletKind.issuance: _p("wallet", "Newly issued"),
    WalletKind.redemption: _p("wallet", "Spent points"),
    WalletKind.expiry: _p("wallet", "Expired points"),
    WalletKind.correction: _p("wallet", "Corrections"),
    WalletKind.opening: _p("wallet", "Opening account"),
}
WALLET_STATES = {
    WalletState.open: _p("wallet", "Open"),
    WalletState.frozen: _p("wallet", "Frozen"),
    WalletState.closed: _p("wallet", "Closed"),
}
HINTS = {HintKind.sudden: _l("Far more points than usual in a week"), HintKind.ring: _l("People who only ever pay each other")}
HINT_STATES = {HintState.open: _l("To be looked at"), HintState.looked_at: _l("Somebody has looked")}
HOLDS = {
    HoldState.open: _p("hold", "Set aside"),
    HoldState.posted: _p("hold", "Spent"),
    HoldState.voided: _p("hold", "Given back"),
    HoldState.expired: _p("hold", "Time over"),
}
ROWS = {
    TransferKind.single: _p("row", "Moved"),
    TransferKind.hold: _p("row", "Set aside"),
    TransferKind.post: _p("row", "Spent"),
    TransferKind.void: _p("row", "Given back"),
    TransferKind.expire: _p("row", "Time over"),
    TransferKind.reversal: _p("row", "Reversed"),
}
REASONS = {
    Reason.earned: _p("reason", "Earned"),
    Reason.overflow: _p("reason", "To the care pool"),
    Reason.recovered: _l("Paid what was due"),
    Reason.corrected: _p("reason", "Hours corrected"),
    Reason.spent: _p("reason", "Spent"),
    Reason.returned: _p("reason", "Given back"),
    Reason.lapsed: _p("reason", "Time over"),
    Reason.donated: _p("reason", "Donated"),
    Reason.granted: _p("reason", "Granted"),
    Reason.reversed: _p("reason", "Reversed"),
    Reason.expired: _p("reason", "Expired"),
    Reason.moved: _p("reason", "Moved on"),
    Reason.opening: _p("reason", "Brought along"),
    Reason.exchange: _p("reason", "Exchange"),
}
#: the agreed kinds of service, by the code that hours carry: first those of stations and events, then those of exchanges between neighbours
#: (civic/exchange/models.py, Category); `*` is every other
SERVICES: dict[str, Any] = {
    "*": _p("service", "Every service"),
    "first_aid": _p("service", "First-aid post"),
    "patrol": _p("service", "Patrol"),
    "cleaning": _p("service", "Clean-up"),
    "event": _p("service", "Event"),
    "visit": _p("service", "Visit"),
    "company": _p("service", "Company"),
    "errands": _p("service", "Errands"),
    "escort": _p("service", "Escort"),
    "home": _p("service", "Help at home"),
    "phone": _p("service", "Phones and computers"),
    "lessons": _p("service", "Lessons"),
    "care": _p("service", "Looking after"),
    "crafts": _p("service", "Crafts"),
    "translation": _p("service", "Translation"),
    "other": _p("service", "Other help"),
}
#: how an hour came into the book; `*` is every way
CLASSES: dict[str, Any] = {
    "*": _p("hours", "however recorded"),
    "system": _p("hours", "checked in and out"),
    "leader": _p("hours", "confirmed by the leader"),
    "backfill": _p("hours", "entered later"),
    "carried": _p("hours", "brought along"),
    "exchange": _p("hours", "exchange between neighbours"),
}
#: words of `wallet.state_why`
WHY: dict[str, Any] = {
    "suspicion": _l("Something is being looked into"),
    "lost": _l("Phone or member card is lost"),
    "own_wish": _l("The owner asked for it"),
    "moved_away": _l("The owner moved away"),
    "death": _l("The owner has died"),
    "merge": _l("Two rows were one person"),
    "ended": _l("The household ended"),
}


def service(code: str) -> str:
    return str(SERVICES.get(code, code))


def hours(code: str) -> str:
    return str(CLASSES.get(code, code))


def rate_of(service_type: str, hour_class: str) -> str:
    """What a row of the table of rates speaks of: "First-aid post, entered later"."""
    if (service_type, hour_class) == ("*", "*"):
        return pgettext("rate", "Every hour of service")
    if hour_class == "*":
        return service(service_type)
    return pgettext("rate", "%(service)s, %(hours)s") % {"service": service(service_type), "hours": hours(hour_class)}


def inside(words: str) -> str:
    """A label within a sentence."""
    return words[:1].lower() + words[1:]
