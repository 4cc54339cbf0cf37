"""At the desk for the person beside: tell her what she has, print her statement, open a wallet, give points away as she says.

What she may see and use on her own pages is what is shown and given here.  Freezing, closing and asking for points are the wallet's pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext
from wtforms import SelectChoice

from civic.core.errors import DomainError
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, get_or_404, hidden, staff
from civic.core.web.forms import keyed, refuse
from civic.people import queries as people_queries
from civic.people.models import Person
from civic.points import amounts, labels, policies, queries, statement
from civic.points.errors import NotEnoughPoints
from civic.points.forms.gifts import DeskGiftForm
from civic.points.forms.rules import EmptyForm
from civic.points.models import WalletKind
from civic.points.operations import desk, donations, looks
from civic.points.operations.donations import Way
from civic.points.policies import Holder
from civic.points.queries import Mine, WalletView, ruling
from civic.points.queries.holders import holder_of_person
from civic.points.statement import shown
from civic.points.views import mine as own_pages

bp = Blueprint("points_beside", __name__, url_prefix="/desk/points/people/<uid>")
DESK = policies.BESIDE
READERS = (*DESK, *policies.READERS)
NO_STORE = {"Cache-Control": "no-store"}
NEWEST = 10  # lines of a wallet on the page


@dataclass(frozen=True)
class Beside:
    """The person at the desk: the row that counts for her, and what is hers to see and use."""

    person_id: int
    uid: str
    name: str
    is_alive: bool
    holder: Holder
    mine: Mine

    @property
    def wallets(self) -> tuple[WalletView, ...]:
        """Her own first, then her household's."""
        return self.mine.every

    @property
    def trail(self) -> list[dict[str, str]]:
        """Auditors do not look for people; they come from a wallet."""
        if not policies.can_serve(viewer(), self.holder.path):
            return [{"label": pgettext("page", "Points"), "href": url_for("points_audit.index")}]
        first = {"label": pgettext("page", "Find people"), "href": url_for("people_desk.find")}
        return [first, {"label": self.name, "href": url_for("people_persons.show", uid=self.uid)}]


def at_desk() -> Actor:
    return actor(Channel.desk)


def _load(uid: str, policy: Any = policies.can_serve) -> Beside:
    """Somebody whose community her desk serves; of others even the existence is private.  The look is noted before anything is read."""
    found: Person = get_or_404(sa.select(Person).where(Person.uid == uid))
    her = people_queries.survivor_of(found.id) or found.id
    path = people_queries.path_of(her)
    hidden(policy, viewer(), path)
    looks.note_look_beside(at_desk(), her)
    row = people_queries.rows_of([her])[0]
    holder = holder_of_person(her, path)
    return Beside(her, row.uid, row.name or row.number, row.died_on is None, holder, queries.mine(her))


def _page(template: str, her: Beside, status: int = 200, **values: Any) -> ResponseReturnValue:
    """Pages about a person are stored nowhere."""
    return render_template(template, her=her, labels=labels, text=amounts.text, **values), status, NO_STORE


@bp.get("")
@staff(*READERS)
def home(uid: str) -> ResponseReturnValue:
    """What is in her wallets, free, set aside, running out, with the newest lines; or how to open one."""
    her = _load(uid, policies.can_read_beside)
    who, household = viewer(), people_queries.household_of(her.person_id)
    every = ruling.wallets_of_person(her.person_id, household.id if household else None)
    sees_rows = policies.can_see_at_desk(who, her.holder.path)
    may_open = her.is_alive and policies.can_open_beside(who, her.holder.path, people_queries.verified_in(her.person_id))
    return _page(
        "points/desk_person.html",
        her,
        wallets=[(each, shown.shown(statement.page(each, limit=NEWEST).lines)) for each in her.wallets],
        # of a household whose wallet she is too young to use: for those who see wallets anyway
        others=[each for each in every if each.id not in {w.id for w in her.wallets}] if sees_rows else [],
        sees_rows=sees_rows,
        months=own_pages.months(None),
        has_paper=own_pages.found_family() is not None,
        may_give=her.is_alive and policies.can_give_beside(who, her.holder) and bool(donations.ways_of(her.mine)),
        is_own=policies.is_own(who, her.holder),
        may_open_own=may_open and not any(w.person_id is not None for w in every),
        may_open_household=may_open and household is not None and not any(w.household_id is not None for w in every),
        one_press=EmptyForm(formdata=None),
    )


@bp.get("/statement.pdf")
@staff(*READERS)
@limits.per_minute(12)
def statement_pdf(uid: str) -> Response:
    """The sheets that her own page gives: of a month or of all."""
    her = _load(uid, policies.can_read_beside)
    wallet = her.mine.of(request.args.get("wallet", "")[:32])
    if wallet is None:
        abort(404)
    return own_pages.printed(own_pages.head_of(her.mine, wallet))


@bp.post("/open-<any('own', 'household'):which>")
@staff(*DESK)
def open_wallet(uid: str, which: str) -> ResponseReturnValue:
    """A wallet for somebody who has none, so that points can come before the first hours."""
    her, form = _load(uid), EmptyForm()
    authorize(policies.can_open_beside, viewer(), her.holder.path, people_queries.verified_in(her.person_id))
    if not form.validate_on_submit():
        return redirect(url_for(".home", uid=her.uid), 303)
    try:
        with keyed(form, to=lambda _wallet_uid: url_for(".home", uid=her.uid)):
            desk.open_for(at_desk(), her.person_id, of_household=which == "household")
    except DomainError as refusal:
        flash(refusal.message, "warn")
    else:
        flash(_("The wallet is open. Points come into it from now on."), "good")
    return redirect(url_for(".home", uid=her.uid), 303)


# ---- giving -----------------------------------------------------------------------------------------------------------------
def _to_give(uid: str) -> Beside:
    """Alive, and none of the worker's own household."""
    her = _load(uid)
    if not her.is_alive:
        abort(404)
    authorize(policies.can_give_beside, viewer(), her.holder)
    return her


def _gift_form(her: Beside) -> tuple[DeskGiftForm, dict[str, str]]:
    wallet = own_pages.named(her.mine)
    words = {
        Way.pool: _("From her points to the care pool, for neighbours in need"),
        Way.household: _("From her points to the wallet of her household"),
        Way.household_pool: _("From her household's points to the care pool"),
    }
    ways = {way.value: words[way] for way in donations.ways_of(her.mine, wallet)}
    form = DeskGiftForm()
    form.wallet.data = wallet
    form.way.choices = [SelectChoice(value, said) for value, said in ways.items()]
    if form.way.data is None and request.method == "GET":
        form.way.data = next(iter(ways), None)
    return form, ways


def _give_page(her: Beside, form: DeskGiftForm, status: int = 200) -> ResponseReturnValue:
    form.sure.data = ""
    return _page("points/desk_give.html", her, status, form=form, **own_pages.purses(her.mine, form.wallet.data or ""))


@bp.get("/give")
@staff(*DESK)
def ask_give(uid: str) -> ResponseReturnValue:
    her = _to_give(uid)
    return _give_page(her, _gift_form(her)[0])


@bp.post("/give")
@staff(*DESK)
def give(uid: str) -> ResponseReturnValue:
    """What she said is asked once more, because a gift is not undone; then it is given."""
    her = _to_give(uid)
    form, ways = _gift_form(her)
    if not form.validate_on_submit():
        return _give_page(her, form, 422)
    try:
        amount, way, wallet = amounts.parse(form.amount.data), Way(form.way.data), form.wallet.data or ""
        if not form.sure.data:
            left = donations.left_after(her.mine, way, amount, wallet)
            form.sure.data, form.amount.data = "yes", amounts.text(amount)
            return _page(
                "points/desk_give_sure.html", her, form=form, words=ways[way.value], amount=form.amount.data, left=amounts.text(left),
                **own_pages.purses(her.mine, wallet),
            )  # fmt: skip
        with keyed(form, to=lambda row_id: url_for(".receipt", uid=her.uid, row_id=row_id)):
            row_id = donations.give_beside(at_desk(), her.person_id, way, amount, wallet)
    except DomainError as refusal:
        if isinstance(refusal, NotEnoughPoints):
            refusal.context["field"] = "amount"
        status = refuse(form, refusal)
        return _give_page(her, form, status)
    return redirect(url_for(".receipt", uid=her.uid, row_id=row_id), 303)


@bp.get("/donations/<int:row_id>")
@staff(*READERS)
def receipt(uid: str, row_id: int) -> ResponseReturnValue:
    """The receipt of a gift, to print and hand over."""
    her = _load(uid, policies.can_read_beside)
    gift = queries.gift(row_id) if row_id < 10**own_pages.LONGEST_ID else None
    wallet = next((each for each in her.wallets if gift is not None and each.id == gift.wallet_id), None)
    if gift is None or wallet is None:
        abort(404)
    return _page(
        "points/desk_given.html",
        her,
        gift=gift,
        is_household=wallet.household_id is not None,
        to_pool=gift.to is WalletKind.care_pool,
        amount=amounts.text(gift.amount),
        left=amounts.text(wallet.free),
    )
