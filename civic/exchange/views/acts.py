"""One exchange and its acts: how it stands, the form of each act, the operation, and what is told afterwards.

Shared by one's own pages and the desk's pages for the person beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.web.forms import Form, keyed, refuse
from civic.core.web.uploads import UploadForm
from civic.exchange import operations, queries, shown
from civic.exchange.forms import (
    AnswerForm,
    DeliverForm,
    DisputeForm,
    RateForm,
    RetimeForm,
    SayForm,
    SureForm,
    WordsForm,
    lengths,
)
from civic.exchange.models import Exchange, ExchangeState
from civic.exchange.queries import Act, View
from civic.exchange.views.common import Hand, page, policy_of, terms_of


def show(hand: Hand, row: Exchange, *, with_words: bool = True) -> ResponseReturnValue:
    """How it stands and what she can do now."""
    view = fresh_view(hand, row)
    sure, say = _form_of(Act.accept, view), SayForm(formdata=None)
    return page(
        "exchange/show.html",
        hand,
        view=view,
        acts=shown.acts_of(view),
        sure=sure,
        say=say if Act.say in view.acts else None,
        states=ExchangeState,
        words_of=ACT_WORDS,
        history=shown.history(view, with_words=with_words),
        with_words=with_words,
        given=[each for each in view.ratings if each.by.id == hand.person_id],
    )


def fresh_view(hand: Hand | None, row: Exchange) -> View:
    """What is due is settled first, so that nobody reads yesterday's state."""
    if operations.touch(row.id):
        db.session.refresh(row)
    return queries.exchange_view(row, hand.person_id if hand else None)


@dataclass(frozen=True)
class ActWords:
    """An act in words: its head, what follows from it, the button, what is told afterwards."""

    title: Any
    lead: Any
    button: Any
    done: Any
    icon: str = ""


ACT_WORDS: dict[Act, ActWords] = {
    Act.accept: ActWords(
        _l("Agree to this"), _l("The points are held for this exchange until both say that it was done."), _p("exchange", "I agree"),
        _l("Agreed. The points are held; the other person has been told."), "check",
    ),
    Act.decline: ActWords(
        _p("exchange", "Say no"), _l("The other person is told. No points have been held."), _p("exchange", "Say no"),
        _l("Declined. The other person has been told."), "cross",
    ),
    Act.retime: ActWords(
        _l("Propose another time"), _l("Then the other person has to answer."), _l("Send this proposal"),
        _l("Sent. Now the other person has to answer."), "calendar",
    ),
    Act.cancel: ActWords(
        _p("exchange", "Call it off"), _l("The other person is told; held points are free again at once."), _p("exchange", "Call it off"),
        _l("Called off. Held points are free again."), "cross",
    ),
    Act.deliver: ActWords(
        _l("It was done"), _l("Say how long it took, at most what you agreed on. Then the other person confirms."), _l("It was done"),
        _l("Noted. The other person is asked to confirm."), "check",
    ),
    Act.confirm: ActWords(
        _l("Confirm that it was done"), _l("Then the points move, and the exchange is finished."), _p("exchange", "Yes, confirm"),
        _l("Confirmed. The points have moved."), "check",
    ),
    Act.dispute: ActWords(
        _l("It was different"), _l("Say what was different. A social worker listens to both and decides; until then the points stay held."),
        _p("exchange", "Send it"), _l("Sent. The other person is asked how she saw it, and a social worker decides."), "warn",
    ),
    Act.answer: ActWords(
        _l("Say how you saw it"), _l("You can answer once. Then a social worker decides."), _p("exchange", "Send it"),
        _l("Sent. A social worker decides now."), "talk",
    ),
    Act.rate: ActWords(
        _p("exchange", "Rate it"), _l("The stars help neighbours to choose. Who gave them is not shown to others."), _p("exchange", "Send it"),
        _l("Thank you. Your rating is noted."), "hand",
    ),
    Act.say: ActWords(
        _p("exchange", "Write"), _l("Only the two of you and social workers read it."), _p("exchange", "Send it"), _l("Sent."), "talk",
    ),
}  # fmt: skip


def _form_of(act: Act, view: View) -> Form:
    """The form of an act, with what the rules and the agreement allow."""
    row = view.exchange
    is_get = request.method == "GET"
    form: Form
    match act:
        case Act.accept | Act.confirm:
            form = SureForm()
            if is_get:
                form.base.data, form.minutes.data = str(row.lock_version), str(row.delivered_minutes or "")
        case Act.retime:
            form = RetimeForm()
            form.offer(policy_of(row.territory_id), row.listing.category)
            if is_get:
                form.begin(row.minutes, row.meet_at)
        case Act.deliver:
            form = DeliverForm()
            form.offer(lengths(terms_of(row), row.minutes))
            if is_get:
                form.minutes.data = str(row.delivered_minutes or row.minutes)
        case _:
            form = {Act.dispute: DisputeForm, Act.answer: AnswerForm, Act.rate: RateForm, Act.say: SayForm}.get(act, WordsForm)()
    return form


def _do(hand: Hand, row_id: int, act: Act, form: Any) -> Any:
    """The operation of an act; None when a file was refused and nothing was done."""
    by, her, words = hand.actor(), hand.person_id, (form.words.data or "") if "words" in form else ""
    match act:
        case Act.accept:
            return operations.accept(by, row_id, her, form.base_version)
        case Act.confirm:
            read = str(form.minutes.data or "")
            return operations.confirm(by, row_id, her, int(read) if read.isdecimal() and len(read) < 5 else None)
        case Act.decline:
            return operations.decline(by, row_id, her, words)
        case Act.cancel:
            return operations.cancel(by, row_id, her, words)
        case Act.say:
            return operations.say(by, row_id, her, words)
        case Act.retime:
            return operations.retime(by, row_id, her, form.moment, words, int(form.minutes.data))
        case Act.deliver:
            return operations.deliver(by, row_id, her, int(form.minutes.data), words)
        case Act.rate:
            return operations.rate(by, row_id, her, int(form.stars.data), words)
    files = [kept.sha256 for kept in form.take()]
    if form.files.errors:
        return None
    verb = operations.open_dispute if act is Act.dispute else operations.answer_dispute
    return verb(by, row_id, her, words, files)


def act_page(hand: Hand, row: Exchange, name: str) -> ResponseReturnValue:
    """One act: its form, and the operation.  GET and POST; an act that is no longer possible says how things stand."""
    act, row_id, uid = Act(name), row.id, row.uid
    view = fresh_view(hand, row)
    form, status = _form_of(act, view), 200
    if request.method == "GET":
        if act not in view.acts:
            flash(_("That is no longer possible: this is how it stands now."), "warn")
            return redirect(hand.to("show", uid=uid), 303)
    elif not form.validate_on_submit():
        status = 422
    else:
        try:
            hand.may_act([view.requester.id, view.helper.id])
            with keyed(form, to=lambda _done: hand.to("show", uid=uid)):
                done = _do(hand, row_id, act, form)
            if done is not None:
                flash(_told(act, done), "good")
                return redirect(hand.to("show", uid=uid), 303)
            status = 422
        except DomainError as refusal:
            db.session.rollback()
            view = queries.exchange_view(queries.exchange_by_uid(uid), hand.person_id)  # type: ignore[arg-type]
            status = refuse(form, refusal)
            if isinstance(form, SureForm):
                form.base.data, form.minutes.data = str(view.exchange.lock_version), str(view.exchange.delivered_minutes or "")
    return page(
        "exchange/act.html", hand, status, view=view, act=act, words=ACT_WORDS[act], form=form, is_upload=isinstance(form, UploadForm),
        facts=shown.facts_of(view), what_stands=shown.what_stands(view),
    )  # fmt: skip


def _told(act: Act, done: Any) -> str:
    if act is Act.confirm and done.state is ExchangeState.delivered:
        return _("Confirmed. The points move as soon as nothing stands in their way.")
    if act is Act.confirm and not queries.owed(done, done.delivered_minutes or 0):
        return _("Confirmed. It is finished; so short a time moves no points.")
    return str(ACT_WORDS[act].done)
