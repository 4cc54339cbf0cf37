"""What the desk pages of people share: loading a row in reach, places to choose from, crumbs, the two steps of an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import abort, request, url_for
from flask_babel import pgettext

from civic.core.db import Bilingual, db
from civic.core.errors import DomainError
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web.access import authorize, get_or_404, hidden
from civic.core.web.forms import Form, refuse
from civic.people import operations, policies, queries, records
from civic.people.errors import SamePerson
from civic.people.models import Household, LookKind, Person
from civic.people.queries import Row
from civic.territory.models import PLACES, Territory

KEPT_OUT = {"csrf_token", "request_key", "step"}


def at_desk() -> Actor:
    """The signed-in worker; each act is marked "at the desk"."""
    return actor(Channel.desk)


def load_with_path(uid: str) -> tuple[Person, str]:
    """A person in the viewer's reach, and the path of the community that keeps her; of others even the existence is private."""
    found = queries.person_and_path(uid)
    if found is None:
        abort(404)
    hidden(policies.can_see, viewer(), found[1])
    return found


def load(uid: str) -> Person:
    """A person in the viewer's reach."""
    return load_with_path(uid)[0]


def load_to_edit(uid: str) -> Person:
    """The same for an act: clerks and managers of the community."""
    person, path = load_with_path(uid)
    authorize(policies.can_edit, viewer(), path)
    return person


def load_household(uid: str) -> Household:
    household: Household = get_or_404(sa.select(Household).where(Household.uid == uid))
    path = db.session.scalar(sa.select(Territory.path).where(Territory.id == household.place_id)) or ""
    hidden(policies.can_see, viewer(), path)
    return household


def by_number(number: str) -> Person | None:
    """The living row of a member number, if it is in the viewer's reach to edit."""
    query = sa.select(Person).where(Person.number == records.normal_number(number))
    person = db.session.scalars(query).one_or_none()
    if person is None or not policies.can_edit(viewer(), queries.path_of(person.id)):
        return None
    return person


def row_of(person_id: int) -> Row:
    return queries.rows_of([person_id])[0]


def places() -> list[tuple[int, Bilingual]]:
    """Communities in which the viewer may record people, by name."""
    paths = viewer().territories(*policies.EDITORS)
    within = sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in paths))
    query = sa.select(Territory.id, Territory.name_zh, Territory.name_en).where(Territory.kind.in_(PLACES), within)
    return [(place_id, Bilingual(zh, en)) for place_id, zh, en in db.session.execute(query.order_by(Territory.code))]


def all_places() -> list[int]:
    """Every community of the district: people move out of one's own reach."""
    return list(db.session.scalars(sa.select(Territory.id).where(Territory.kind.in_(PLACES))))


def saw(person_ids: Iterable[int], kind: LookKind, purpose: str = "", reason: str = "") -> None:
    """Note that the viewer looked; each line can be read by the person herself."""
    operations.note_look(at_desk(), person_ids, kind, purpose, reason)


def found_trail(*steps: dict[str, str]) -> list[dict[str, str]]:
    return [{"label": pgettext("page", "Find people"), "href": url_for("people_desk.find")}, *steps]


def trail_of(row: Row, *steps: dict[str, str]) -> list[dict[str, str]]:
    """Where a page about one person stands."""
    return found_trail({"label": row.name or row.number, "href": url_for("people_persons.show", uid=row.uid)}, *steps)


def is_sure() -> bool:
    """The second step of an event: what follows was shown, and she goes on."""
    return request.form.get("step") == "do"


def is_back() -> bool:
    """She goes back from what follows, to change what she typed."""
    return request.form.get("step") == "back"


def carried() -> list[tuple[str, str]]:
    """What was typed, carried through the page that shows what follows."""
    return [(name, value) for name, value in request.form.items(multi=True) if name not in KEPT_OUT]


def told(form: Form, refusal: DomainError) -> tuple[int, Row | None]:
    """Show a rule's no; of a person who exists already also her row, if the viewer may see it: (status, row)."""
    status = refuse(form, refusal)
    uid = refusal.context.get("person") if isinstance(refusal, SamePerson) else None
    person = queries.person_by_uid(uid) if uid else None
    if person is None or not policies.can_see(viewer(), queries.path_of(person.id)):
        return status, None
    saw([person.id], LookKind.found)
    return status, row_of(person.id)


def ids_of(uids: Sequence[str]) -> list[int]:
    """Ids of these people in the order named; unknown ones are left out (the form has compared them with the household)."""
    query = sa.select(Person.uid, Person.id).where(Person.uid.in_(uids))
    found = dict(db.session.execute(query).all())
    return [found[uid] for uid in uids if uid in found]


def shown_pairs(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """(word, value) of what was typed, without what was left empty."""
    return [(str(word), str(value)) for word, value in pairs if value]
