"""Life events: a form, then what follows from the event, then the event itself.  Nothing ends silently.

Every event has one address.  GET shows the form; the first POST shows what follows and carries what was typed; the second one
(`step=do`) records it; `step=back` leads to the form again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.core.errors import DomainError
from civic.core.i18n import format_day, join_words
from civic.core.openwork import Happening
from civic.core.viewer import viewer
from civic.core.web.access import staff
from civic.core.web.forms import Form, keyed
from civic.people import event_forms, operations, policies, queries
from civic.people.models import HomeRelation, HouseholdRelation, Person, RepresentationKind
from civic.people.operations import NewHome
from civic.people.views.common import (
    all_places,
    at_desk,
    by_number,
    carried,
    ids_of,
    is_back,
    is_sure,
    load_to_edit,
    row_of,
    shown_pairs,
    told,
    trail_of,
)

bp = Blueprint("people_lives", __name__, url_prefix="/desk/people")


@dataclass(frozen=True)
class Event:
    """How one event is asked, shown and recorded.

    check: further faults of the form, said at its fields (True: there is one).  subjects: ids it concerns, for what follows.
    record: calls the operation.  lead: what the clerk should know before she begins.
    """

    title: Any
    act: Any
    done: Any
    make: Callable[[], Any]
    happening: Happening | None
    record: Callable[[Person, Any], Any]
    lead: Any = ""
    check: Callable[[Person, Any], bool] = lambda _person, _form: False
    for_group: bool = False


def _who(form: Any) -> list[int]:
    return ids_of(form.who.data or [])


def _words(form: Any) -> str:
    return form.evidence.data or ""


# ---- what each event checks and records -----------------------------------------------------------------------------------


def _record_birth(person: Person, form: event_forms.BirthForm) -> Any:
    documents = [form.document()] if form.document_number.data else []
    return operations.record_birth(at_desk(), person.id, form.record(), _words(form), documents=documents)


def _record_death(person: Person, form: event_forms.DeathForm) -> Any:
    return operations.record_death(at_desk(), person.id, form.on.data, _words(form))


def _check_home(_person: Person, form: event_forms.MoveForm) -> bool:
    form.offer_homes(all_places())
    return form.home_error(needed=True)


def _record_move(_person: Person, form: event_forms.MoveForm) -> Any:
    return operations.move_people(at_desk(), _who(form), NewHome(HomeRelation.lives_in, form.home_id), form.on.data, _words(form))


def _record_move_out(_person: Person, form: event_forms.MoveOutForm) -> Any:
    return operations.move_out(at_desk(), _who(form), form.elsewhere.data or "", form.on.data, _words(form))


def _target(form: event_forms.JoinForm) -> Any:
    """The household named, if it is one of ours and has not ended."""
    from_number = queries.household_by_number(form.household.data or "")
    view = queries.household_view(from_number.id) if from_number else None
    return view if view and view.ended_on is None and policies.can_edit(viewer(), view.path) else None


def _check_target(_person: Person, form: event_forms.JoinForm) -> bool:
    if _target(form) is None:
        form.household.errors = [_("No household of yours has this number.")]
        return True
    return False


def _record_join(_person: Person, form: event_forms.JoinForm) -> Any:
    relation = HouseholdRelation(form.relation.data)
    return operations.join_household(at_desk(), _who(form), _target(form).id, relation, form.on.data, _words(form))


def _record_split(_person: Person, form: event_forms.SplitForm) -> Any:
    return operations.split_household(at_desk(), _who(form), form.on.data, _words(form))


def _check_other(_person: Person, form: event_forms.RepresentationForm) -> bool:
    if by_number(form.other.data or "") is None:
        form.other.errors = [_("Nobody of yours has this number. Record the person first, or ask the community that keeps the row.")]
        return True
    return False


def _record_representation(person: Person, form: event_forms.RepresentationForm) -> Any:
    other = by_number(form.other.data or "")
    kind = RepresentationKind(form.kind.data)
    other_id = other.id if other else person.id
    return operations.add_representation(at_desk(), person.id, other_id, kind, form.on.data, form.until_on.data, _words(form))


def _record_undo_death(person: Person, form: event_forms.PlainForm) -> Any:
    return operations.undo_death(at_desk(), person.id, _words(form))


def _record_end_verification(person: Person, form: event_forms.PlainForm) -> Any:
    return operations.end_verification(at_desk(), person.id, _words(form))


EVENTS: dict[str, Event] = {
    "birth": Event(
        _l("Record a birth"), _l("Record the birth"), _l("The child is recorded."), event_forms.BirthForm, None, _record_birth,
        _l("The child begins in this person's household and home and is represented by her until the eighteenth birthday."),
    ),
    "death": Event(_l("Record a death"), _l("Record the death"), _l("The death is recorded."), event_forms.DeathForm, Happening.death, _record_death),
    "move": Event(
        _l("Move to another home"), _l("Record the move"), _l("The move is recorded."), event_forms.MoveForm, Happening.move, _record_move,
        _l("The household stays together; who begins one of her own is recorded apart."), _check_home, True,
    ),
    "move-out": Event(
        _l("Move out of the district"), _l("Record the move"), _l("The move is recorded."), event_forms.MoveOutForm, Happening.move_out,
        _record_move_out, for_group=True,
    ),
    "join": Event(
        _l("Join another household"), _p("people", "Record it"), _l("They belong to the household now."), event_forms.JoinForm, Happening.joined,
        _record_join, check=_check_target, for_group=True,
    ),
    "split": Event(
        _l("Begin a household of one's own"), _p("people", "Record it"), _l("They are a household of their own now."), event_forms.SplitForm,
        Happening.split_off, _record_split, _l("The first one ticked becomes its head."), for_group=True,
    ),
    "representation": Event(
        _l("Guardian or proxy"), _p("people", "Record it"), _l("It is recorded who may speak for her."), event_forms.RepresentationForm,
        Happening.guardianship, _record_representation, _l("Somebody else may act for the person on this page."), _check_other,
    ),
    "undo-death": Event(
        _l("Undo a death that was recorded by mistake"), _p("people", "Undo it"), _l("She is recorded as living."), event_forms.PlainForm, None,
        _record_undo_death, _l("She begins alone in a new household. Home, card, verification and representation are recorded anew."),
    ),
    "end-verification": Event(
        _l("Withdraw the verification"), _p("people", "Withdraw it"), _l("She is no longer verified."), event_forms.PlainForm, None,
        _record_end_verification, _l("She no longer speaks and votes as a resident from this moment."),
    ),
}  # fmt: skip


# ---- the pages ------------------------------------------------------------------------------------------------------------


def _form_of(event: Event, person: Person) -> Any:
    form = event.make()
    if event.for_group:
        form.offer(queries.household_of(person.id), person.uid)
    elif isinstance(form, event_forms.RepresentationForm):
        form.offer()
    elif isinstance(form, event_forms.BirthForm):
        form.offer_documents()
    return form


def _page(event: Event, name: str, person: Person, form: Form, same: Any = None) -> str:
    row = row_of(person.id)
    household = queries.household_of(person.id)
    return render_template(
        TEMPLATES.get(name, "people/event_plain.html"),
        event=event,
        form=form,
        row=row,
        trail=trail_of(row),
        same=same,
        members=[m.person for m in household.members if m.person.id != row.id] if household else [],
    )


TEMPLATES = {
    "birth": "people/event_birth.html",
    "move": "people/event_move.html",
    "move-out": "people/event_group.html",
    "join": "people/event_group.html",
    "split": "people/event_group.html",
    "representation": "people/event_representation.html",
}


@bp.get(f"/<uid>/<any({', '.join(repr(name) for name in EVENTS)}):name>")
@staff(*policies.EDITORS)
def event(uid: str, name: str) -> str:
    person, wanted = load_to_edit(uid), EVENTS[name]
    return _page(wanted, name, person, _form_of(wanted, person))


@bp.post(f"/<uid>/<any({', '.join(repr(name) for name in EVENTS)}):name>")
@staff(*policies.EDITORS)
def record(uid: str, name: str) -> ResponseReturnValue:
    person, wanted = load_to_edit(uid), EVENTS[name]
    form = _form_of(wanted, person)
    if request.form.get("step") == "homes":
        wanted.check(person, form)
        return _page(wanted, name, person, form)
    faulty = wanted.check(person, form) if form.validate_on_submit() else True
    if faulty:
        form.new_key()
        return _page(wanted, name, person, form), 422
    if is_back():
        form.new_key()
        return _page(wanted, name, person, form)
    if not is_sure():
        return _follows(wanted, person, form)
    try:
        with keyed(form, to=lambda _done: _after(person)):
            wanted.record(person, form)
    except DomainError as refusal:
        status, same = told(form, refusal)
        return _page(wanted, name, person, form, same), status
    flash(str(wanted.done), "good")
    return redirect(_after(person), 303)


def _after(person: Person) -> str:
    """Her page, unless she has moved out of the viewer's reach."""
    if policies.can_see(viewer(), queries.path_of(person.id)):
        return url_for("people_persons.show", uid=person.uid)
    return url_for("people_desk.find")


def _follows(event_: Event, person: Person, form: Any) -> str:
    """What follows, before it happens."""
    people = _who(form) if event_.for_group else [person.id]
    other = _target(form).id if isinstance(form, event_forms.JoinForm) else None
    found = operations.consequences(event_.happening, people, other) if event_.happening else []
    form.new_key()
    row = row_of(person.id)
    return render_template(
        "people/follows.html",
        event=event_,
        form=form,
        row=row,
        trail=trail_of(row),
        consequences=found,
        carried=carried(),
        typed=_typed(form),
    )


def _typed(form: Any) -> list[tuple[str, str]]:
    """What was typed, to be read once more; a document number is not repeated."""
    pairs: list[tuple[Any, Any]] = []
    for field in form:
        if field.name in {"csrf_token", "request_key", "base", "home_words", "document_number", "document_country", "document_kind"}:
            continue
        pairs.append((field.label.text, _value(field)))
    return shown_pairs(pairs)


def _value(field: Any) -> str:
    if not field.data:
        return ""
    if hasattr(field.data, "isoformat"):
        return format_day(field.data)
    if getattr(field, "choices", None) is not None:
        chosen = field.data if isinstance(field.data, list) else [field.data]
        return join_words([str(label) for value, label in field.choices if value in chosen])
    return pgettext("answer", "yes") if field.data is True else str(field.data)


# ---- the end of a representation or of a tie to a home --------------------------------------------------------------------


def _end_page(person: Person, form: Form, title: str) -> str:
    row = row_of(person.id)
    return render_template("people/end.html", form=form, row=row, trail=trail_of(row), title=title)


def _end(person: Person, title: str, done: str, end: Callable[[Any], None]) -> ResponseReturnValue:
    form, status = event_forms.EndForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for("people_persons.show", uid=person.uid)):
                end(form)
        except DomainError as refusal:
            status, _same = told(form, refusal)
        else:
            flash(done, "good")
            return redirect(url_for("people_persons.show", uid=person.uid), 303)
    return _end_page(person, form, title), status


def _own(wanted: int, rows: Sequence[Any]) -> None:
    """404 unless it is a row of hers."""
    if wanted not in {row.id for row in rows}:
        abort(404)


@bp.get("/<uid>/representation/<int:row_id>/end")
@staff(*policies.EDITORS)
def end_representation(uid: str, row_id: int) -> str:
    person = load_to_edit(uid)
    _own(row_id, queries.representations_of(person.id))
    return _end_page(person, event_forms.EndForm(), _("End who may speak for whom"))


@bp.post("/<uid>/representation/<int:row_id>/end")
@staff(*policies.EDITORS)
def ended_representation(uid: str, row_id: int) -> ResponseReturnValue:
    person = load_to_edit(uid)
    _own(row_id, queries.representations_of(person.id))
    return _end(
        person, _("End who may speak for whom"), _("It no longer counts from that day."),
        lambda form: operations.end_representation(at_desk(), row_id, form.on.data, _words(form)),
    )  # fmt: skip


@bp.get("/<uid>/home/<int:row_id>/end")
@staff(*policies.EDITORS)
def end_home(uid: str, row_id: int) -> str:
    person = load_to_edit(uid)
    _own(row_id, queries.homes_of(person.id))
    return _end_page(person, event_forms.EndForm(), _("End a tie to a home"))


@bp.post("/<uid>/home/<int:row_id>/end")
@staff(*policies.EDITORS)
def ended_home(uid: str, row_id: int) -> ResponseReturnValue:
    person = load_to_edit(uid)
    _own(row_id, queries.homes_of(person.id))
    return _end(
        person, _("End a tie to a home"), _("It no longer counts from that day."),
        lambda form: operations.end_home(at_desk(), row_id, form.on.data),
    )  # fmt: skip
