"""What accounts answer for a login: how it is reached, what is stored of it, which columns are sealed, who looked at its person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext
from sqlalchemy.orm import joinedload

from civic.accounts import labels, queries
from civic.accounts.models import Account, ConnectionRecord, Grant, Identity, IdentityKind, Ticket
from civic.core import clock, crypto
from civic.core.db import db
from civic.core.i18n import format_day, format_moment, lang, plain
from civic.core.keys import Sealed
from civic.core.messages.receivers import Contact
from civic.core.personaldata import DataPart, everything_about
from civic.people import queries as people

KEPT_SESSIONS, KEPT_CONNECTIONS = 30, 190  # days


def contacts(ids: Sequence[int]) -> dict[int, Contact]:
    """How open accounts are reached: the mail address and phone confirmed first, the language of the account."""
    accounts = db.session.scalars(sa.select(Account).where(Account.id.in_(ids), Account.closed_at.is_(None))).all()
    query = sa.select(Identity).where(Identity.account_id.in_(ids), Identity.kind.in_([IdentityKind.mail, IdentityKind.phone]))
    found: dict[int, dict[str, str]] = {account.id: {} for account in accounts}
    for row in db.session.scalars(query.order_by(Identity.id)):
        if row.account_id in found:
            found[row.account_id].setdefault(row.kind.value, crypto.decrypt(row.secret, "identity"))
    return {a.id: Contact(a.lang, found[a.id].get("mail", ""), found[a.id].get("phone", ""), a.name) for a in accounts}


# ---- keys -----------------------------------------------------------------------------------------------------------------


def _purpose(row: Any) -> str:
    return "totp" if row.kind == IdentityKind.totp else "identity"


def _identity_hash(row: Any, plain_: dict[str, str]) -> dict[str, str]:
    """A recovery code cannot be hashed anew: nobody knows it."""
    value = plain_.get("secret", "")
    if row.kind not in queries.OWN or not value:
        return {}
    return {"hash": crypto.keyed_hash(queries.identity_value(IdentityKind(row.kind), value), "identity")}


SEALED = (
    Sealed(
        Identity,
        {"secret": _purpose},
        _identity_hash,
        ("hash", "secret"),
        kept_by="recovery codes, until the person sets up the second step anew",
    ),
    Sealed(Ticket, {"sealed": "ticket"}, hash_columns=("hash", "address_hash"), kept_by="codes and links, deleted 30 days after they end"),
    Sealed(ConnectionRecord, {"sealed": "connection"}),
)


# ---- everything about me --------------------------------------------------------------------------------------------------


def personal_data(_person_id: int | None, account_id: int | None) -> list[DataPart]:
    """Login and ways to sign in, devices and programs, rights.  The connection log is named, not shown: two people open it."""
    if account_id is None:
        return []
    account = db.session.get_one(Account, account_id)
    return [_login_part(account), _devices_part(account_id), _rights_part(account_id), _log_part()]


def _login_part(account: Account) -> DataPart:
    rows: list[tuple[Any, Any]] = [
        (pgettext("field", "Login"), account.login),
        (pgettext("person", "Name"), account.name),
        (pgettext("field", "Made on"), format_moment(account.created_at)),
    ]
    rows += [(labels.IDENTITY[way.kind], way.value) for way in queries.ways_of(account.id)]
    why = _("So that you can sign in. Password and codes are kept as hashes from which nobody can read them.")
    return DataPart(
        pgettext("section", "Your login"),
        rows,
        why,
        _("Until you close the account; the login itself stays, so that nobody else gets it."),
        "login",
    )


def _devices_part(account_id: int) -> DataPart:
    unknown = pgettext("account", "Unknown device")
    rows: list[tuple[Any, Any]] = [
        (each.device or unknown, format_moment(each.last_seen_at)) for each in queries.living_sessions(account_id)
    ]
    rows += [(each.label, format_moment(each.created_at)) for each in queries.living_tokens(account_id)]
    until = ngettext("%(num)s day after they end.", "%(num)s days after they end.", KEPT_SESSIONS)
    return DataPart(_("Devices and programs"), rows, _("So that you see and end them."), until, "devices")


def _rights_part(account_id: int) -> DataPart:
    rows: list[tuple[Any, Any]] = [(labels.ROLE[grant.role], _where(grant)) for grant in queries.grants_of(account_id)]
    return DataPart(
        _("What you may do at the desk"),
        rows,
        _("So that anybody can see later who could do what."),
        pgettext("kept", "For good."),
        "rights",
    )


def _log_part() -> DataPart:
    until = ngettext("%(num)s day.", "%(num)s days.", KEPT_CONNECTIONS)
    why = _("The law asks for a log of who connected when and from where. It is sealed; two people open it with a document number.")
    return DataPart(pgettext("page", "Connection log"), [], why, until, "connections")


def _where(grant: Grant) -> str:
    words = [plain(grant.territory.name)]
    if grant.organisation is not None:
        words.append(plain(grant.organisation.name))
    return ("，" if lang() == "zh" else ", ").join(
        [*words, f"{format_day(grant.from_on)} –{f' {format_day(grant.to_on)}' if grant.to_on else ''}"]
    )


def as_json(person_id: int | None, account_id: int) -> dict[str, Any]:
    """The downloaded file: the same parts in the reader's language, and the looks."""
    parts = [
        {
            "name": part.name or str(index),
            "title": str(part.title),
            "rows": [{"label": str(label), "value": str(value)} for label, value in part.rows],
            "why": str(part.why),
            "until": str(part.until),
        }
        for index, part in enumerate(everything_about(person_id, account_id))
    ]
    looks = [
        {"at": clock.local(look.at).isoformat(), "who": look.who, "kind": str(look.kind), "purpose": look.purpose, "reason": look.reason}
        for look in looks_at(person_id)
    ]
    return {"made_at": clock.local(clock.now()).isoformat(), "language": lang(), "parts": parts, "looks": looks}


# ---- who looked -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SeenBy:
    """A look at her.  who: role, territory and organisation of whoever looked, as they were that day; never a name."""

    at: datetime
    who: str
    kind: Any
    purpose: str
    reason: str


def looks_at(person_id: int | None) -> list[SeenBy]:
    """The latest looks at a person; two statements beside those of people."""
    looks = people.looks_at(person_id) if person_id is not None else []
    query = sa.select(Grant).where(Grant.account_id.in_({look.account_id for look in looks})).order_by(Grant.id)
    grants = db.session.scalars(query.options(joinedload(Grant.territory), joinedload(Grant.organisation))).all()
    own = set(db.session.scalars(sa.select(Account.id).where(Account.person_id == person_id))) if looks else set()
    found = []
    for look in looks:
        held = [g for g in grants if g.account_id == look.account_id and _held(g, look.at, clock.local(look.at).date())]
        who = "; ".join(_role_words(grant) for grant in held) or (
            pgettext("look", "Yourself") if look.account_id in own else _("Somebody without a right today")
        )
        found.append(SeenBy(look.at, who, look.kind, look.purpose, look.reason))
    return found


def _held(grant: Grant, at: datetime, on: date) -> bool:
    return grant.from_on <= on and (grant.to_on is None or on <= grant.to_on) and (grant.ended_at is None or at <= grant.ended_at)


def _role_words(grant: Grant) -> str:
    words = [str(labels.ROLE[grant.role]), plain(grant.territory.name)]
    if grant.organisation is not None:
        words.append(plain(grant.organisation.name))
    return ("，" if lang() == "zh" else ", ").join(words)
