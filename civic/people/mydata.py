"""What people themselves are told of what is stored about them here, and how messages reach them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core import clock, crypto
from civic.core.db import db
from civic.core.i18n import format_day, format_moment, plain
from civic.core.messages.receivers import Contact as Reached
from civic.core.personaldata import DataPart
from civic.people import labels, queries, records
from civic.people.models import Consent, Contact, ContactKind, Document, Person, PersonHome
from civic.people.operations.care import care_of
from civic.people.queries.pages import HomeView

Rows = list[tuple[Any, Any]]


def personal_data(person_id: int | None, _account_id: int | None) -> list[DataPart]:
    """Everything that stands in the tables of people about one human, in clear: for her own page and download alone."""
    if person_id is None:
        return []
    person = db.session.get(Person, person_id)
    if person is None or person.emptied_at is not None:
        return []
    ids = queries.all_rows_of(person_id)
    here = _("As long as you live here or something of yours is open; then the row is emptied.")
    parts = [
        DataPart(_("Name and birth"), _who(person), _("To know you from people with the same name."), here, "person"),
        DataPart(
            pgettext("data", "Identity documents"),
            _documents(ids),
            _("To prove who you are, and to record nobody twice."),
            here,
            "documents",
        ),
        DataPart(_("Phone and mail"), _contacts(ids), _("To reach you."), here, "contacts"),
        DataPart(_("Homes you are tied to"), _homes(ids), _("Rights here depend on where you live or are registered."), here, "homes"),
        DataPart(_("Household and representation"), _household(person_id), _("Some rights count by household."), here, "household"),
        DataPart(_("Verification and card"), _trust(ids), _("To speak and vote as a resident of your community."), here, "trust"),
        DataPart(_("Care you receive"), _care(person_id), _("Only grants, quotas and social workers read it."), here, "care"),
        DataPart(_("What you agreed to"), _consents(ids), _("To prove your consent."), _("For as long as the row exists."), "consents"),
        DataPart(_("What happened, as recorded here"), _events(ids), _("To put mistakes right."), here, "events"),
        DataPart(_("Corrections you asked for"), _corrections(ids), _("To answer you in time."), here, "corrections"),
        DataPart(_("Who looked at your data"), _looks(ids), _("So that you can ask why."), _("For as long as the row exists."), "looks"),
    ]
    return [part for part in parts if part.rows]


def _who(person: Person) -> Rows:
    record = records.unseal(person.sealed)
    rows: Rows = [
        (pgettext("data", "Name"), record.name),
        (pgettext("data", "Second name"), record.second_name),
        (pgettext("data", "Birth day"), record.birth_on),
        (pgettext("data", "Sex"), _sex(record.sex)),
        (pgettext("data", "Nationality"), record.nationality),
        (pgettext("data", "Member number"), person.number),
        (pgettext("data", "Recorded on"), format_day(clock.local(person.created_at).date())),
        (_("How it came here"), labels.SOURCES[person.source]),
    ]
    return [row for row in rows if row[1]]


def _sex(sex: str) -> str:
    words = {"female": pgettext("sex", "Female"), "male": pgettext("sex", "Male")}
    return words.get(sex, "")


def _documents(ids: Sequence[int]) -> Rows:
    found: Rows = []
    for row in db.session.scalars(sa.select(Document).where(Document.person_id.in_(ids)).order_by(Document.id)):
        number, name = records.unseal_document(row.sealed)
        ended = _("no longer used") if row.ended_at is not None else ""
        found.append((labels.DOCUMENTS[row.kind], _line(number, name, row.country, ended)))
    return found


def _contacts(ids: Sequence[int]) -> Rows:
    found: Rows = []
    for row in db.session.scalars(sa.select(Contact).where(Contact.person_id.in_(ids)).order_by(Contact.id)):
        state = pgettext("contact", "confirmed") if row.confirmed_at is not None else pgettext("data", "not confirmed")
        state = _("no longer used") if row.ended_at is not None else state
        found.append((labels.CONTACTS[row.kind], _line(crypto.decrypt(row.sealed, records.CONTACT), state)))
    return found


def _homes(ids: Sequence[int]) -> Rows:
    words = dict(db.session.execute(sa.select(PersonHome.id, PersonHome.elsewhere).where(PersonHome.person_id.in_(ids))).all())
    found: Rows = []
    for view in (view for each in ids for view in queries.homes_of(each)):
        where = crypto.decrypt(words[view.id], records.ELSEWHERE) if view.elsewhere else plain(view.address)
        found.append((labels.HOMES[view.relation], _line(where, _from_to(view))))
    return found


def _from_to(view: HomeView) -> str:
    begins = pgettext("data", "from %(day)s", day=format_day(view.from_on))
    return begins if view.ended_on is None else begins + " " + pgettext("data", "to %(day)s", day=format_day(view.ended_on))


def _household(person_id: int) -> Rows:
    found: Rows = []
    household = queries.household_of(person_id)
    if household is not None:
        found.append((pgettext("data", "Household number"), household.number))
        found += [(labels.RELATIONS[m.relation], m.person.name) for m in household.members]
    for each in queries.representations_of(person_id):
        who = _("speaks for you") if each.is_represented else _("you speak for her or him")
        found.append((labels.REPRESENTATIONS[each.kind], _line(each.other.name, who)))
    return found


def _trust(ids: Sequence[int]) -> Rows:
    found: Rows = []
    for row, names in (pair for each in ids for pair in queries.verifications_of(each)):
        ended = labels.ENDS[row.end] if row.end is not None else ""
        found.append((pgettext("data", "Verified in"), _line(plain(names), format_moment(row.at), str(ended))))
    if any(queries.open_card(each) is not None for each in ids):
        found.append((pgettext("data", "Member card"), _("You have a valid card.")))
    return found


def _care(person_id: int) -> Rows:
    return [(labels.CARE.get(c.kind, c.kind), _line(c.since, c.to, c.note)) for c in care_of(person_id, clock.today())]


def _consents(ids: Sequence[int]) -> Rows:
    query = sa.select(Consent).where(Consent.person_id.in_(ids)).order_by(Consent.id)
    return [(_("Privacy notice, version %(version)s", version=c.version), format_moment(c.at)) for c in db.session.scalars(query)]


def _events(ids: Sequence[int]) -> Rows:
    found = sorted((e for each in ids for e in queries.timeline(each)), key=lambda e: e.at)
    return [(labels.EVENTS[e.kind], _line(format_day(e.on), e.evidence)) for e in found]


def _corrections(ids: Sequence[int]) -> Rows:
    return [(labels.CORRECTIONS[c.state], _line(wish, answer)) for each in ids for c, wish, answer in queries.corrections_of(each)]


def _looks(ids: Sequence[int]) -> Rows:
    found = sorted((look for each in ids for look in queries.looks_at(each)), key=lambda look: look.at)
    return [
        (format_moment(look.at), _line(str(labels.LOOKS[look.kind]), str(labels.PURPOSES.get(look.purpose, "")), look.reason))
        for look in found
    ]


def _line(*words: str) -> str:
    return " · ".join(str(word) for word in words if word)


# ---- messages -------------------------------------------------------------------------------------------------------------


def contacts(ids: Sequence[int]) -> dict[int, Reached]:
    """How these people are reached: confirmed contacts alone, of a merged row its survivor's.

    The dead, the emptied and those whose account was closed are missing: messages to them stop.  Two statements.
    """
    if not ids:
        return {}
    asked, kept = sa.orm.aliased(Person), sa.orm.aliased(Person)
    query = sa.select(asked.id, kept.id, kept.lang, kept.sealed).join(kept, kept.id == sa.func.coalesce(asked.merged_into_id, asked.id))
    query = query.where(asked.id.in_(ids), kept.died_on.is_(None), kept.emptied_at.is_(None), kept.restricted_at.is_(None))
    people = db.session.execute(query).all()
    ways = _confirmed([survivor for _asked, survivor, _lang, _sealed in people])
    return {
        asked_id: Reached(
            lang, ways.get((survivor, ContactKind.mail), ""), ways.get((survivor, ContactKind.phone), ""), records.unseal(sealed).name
        )
        for asked_id, survivor, lang, sealed in people
    }


def _confirmed(ids: Sequence[int]) -> dict[tuple[int, ContactKind], str]:
    """(survivor, kind) → the address confirmed last; one of a merged row only where the survivor has none."""
    whose = sa.func.coalesce(Person.merged_into_id, Person.id)
    query = (
        sa.select(whose, Contact.kind, Contact.sealed)
        .join(Person, Person.id == Contact.person_id)
        .where(sa.or_(Person.id.in_(ids), Person.merged_into_id.in_(ids)), Contact.confirmed_at.is_not(None), Contact.ended_at.is_(None))
        .order_by(Person.merged_into_id.is_(None), Contact.confirmed_at, Contact.id)
    )
    return {(person, kind): crypto.decrypt(sealed, records.CONTACT) for person, kind, sealed in db.session.execute(query)}
