"""Desk pages of accounts: who has a login, what each may do, and the slip with a first password."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.accounts import labels, operations, passwords, policies, queries
from civic.accounts.errors import OutOfReach
from civic.accounts.forms import GrantForm, IssueForm, NewAccountForm
from civic.accounts.models import Account, Grant
from civic.accounts.operations import NewGrant
from civic.accounts.own_forms import BindForm
from civic.accounts.queries import PAGE
from civic.accounts.views.sign_in import answer
from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import plain
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, hidden, staff
from civic.core.web.context import site_address
from civic.core.web.forms import keyed, refuse
from civic.people import queries as people
from civic.people.queries import Row
from civic.territory.models import Organisation, Territory, TerritoryKind

bp = Blueprint("accounts_desk", __name__, url_prefix="/desk/accounts")


def trail_to(*more: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"label": pgettext("page", "Desk"), "href": "/desk/"},
        {"label": _("Accounts and rights"), "href": url_for("accounts_desk.index")},
        *more,
    ]


def _wanted() -> tuple[str, Role | None, bool, int]:
    """Filters of the list from the address; unknown values are as if not given."""
    given = request.args
    role = Role(given["role"]) if given.get("role") in set(Role) else None
    page = int(given["page"]) if given.get("page", "").isascii() and given.get("page", "").isdigit() and len(given["page"]) < 6 else 1
    return given.get("q", "").strip()[:100], role, given.get("state") == "closed", max(page, 1)


@bp.get("/")
@staff(Role.administrator)
def index() -> ResponseReturnValue:
    words, role, closed, page = _wanted()
    rows, total = queries.list_accounts(viewer(), words=words, role=role, closed=closed, page=page)

    def address(**changed: Any) -> str:
        chosen = {"q": words, "role": role.value if role else "", "state": "closed" if closed else "", **changed}
        return url_for(".index", **{name: value for name, value in chosen.items() if value})

    states = [
        {"label": pgettext("filter", "Open accounts"), "href": address(state=""), "is_current": not closed},
        {"label": pgettext("filter", "Closed accounts"), "href": address(state="closed"), "is_current": closed},
    ]
    roles = [{"label": pgettext("filter", "All roles"), "href": address(role=""), "is_current": role is None}]
    roles += [{"label": labels.ROLE[each], "href": address(role=each.value), "is_current": each is role} for each in Role]
    pages = {
        "told": ngettext("%(num)s account", "%(num)s accounts", total),
        "first_href": address() if page > 1 else "",
        "next_href": address(page=page + 1) if page * PAGE < total else "",
    }
    heads = [
        {"label": pgettext("person", "Name")},
        {"label": pgettext("field", "Login")},
        {"label": pgettext("section", "Rights")},
        {"label": pgettext("column", "Last seen")},
    ]
    shown = {"rows": rows, "heads": heads, "pages": pages, "words": words, "is_closed": closed, "role_words": labels.ROLE}
    return render_template("accounts/desk_list.html", states=states, roles=roles, chosen_role=role, **shown)


def _offered(form: Any) -> Any:
    """Fill the selects with what this administrator may give."""
    names: dict[str, str] = {}
    territories = []
    for each in queries.grantable_territories(viewer()):
        above = names.get(each.path.rsplit("/", 2)[0] + "/", "")
        names[each.path] = plain(each.name)
        is_top = not above or each.kind in {TerritoryKind.town, TerritoryKind.street}
        territories.append((each.code, names[each.path] if is_top else f"{above} › {names[each.path]}"))
    organisations = [(each.code, plain(each.name)) for each in queries.grantable_organisations(viewer())]
    form.offer(territories, organisations)
    return form


def _new_grant(form: GrantForm) -> NewGrant:
    """What the form asks for, once the administrator's own right was seen to reach it.  Raises OutOfReach."""
    territory = db.session.scalars(sa.select(Territory).where(Territory.code == form.territory.data)).one()
    organisation = db.session.scalars(sa.select(Organisation).where(Organisation.code == form.organisation.data)).one_or_none()
    organisation_id = organisation.id if organisation else None
    if not policies.can_grant(viewer(), territory.path, organisation_id):
        raise OutOfReach(field="territory")
    return NewGrant(Role(form.role.data), territory.id, organisation_id, form.from_on.data, form.to_on.data)


@bp.get("/new")
@staff(Role.administrator)
def new() -> ResponseReturnValue:
    form = _offered(NewAccountForm(formdata=None, from_on=clock.today()))
    return answer(render_template("accounts/desk_new.html", form=form, trail=trail_to()))


@bp.post("/new")
@staff(Role.administrator)
def create() -> ResponseReturnValue:
    form, status = _offered(NewAccountForm()), 422
    if form.validate_on_submit():
        password = passwords.one_time_password()
        try:
            wanted = _new_grant(form)
            with keyed(form, to=lambda made: url_for(".show", uid=made.uid)):
                account = operations.create_account(actor(), form.login.data, form.name.data, password, must_change=True, grants=[wanted])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _slip(account, password)
    return answer(render_template("accounts/desk_new.html", form=form, trail=trail_to()), status)


def _slip(account: Account, password: str) -> ResponseReturnValue:
    """The one time that a first password is shown: a slip to print and hand over."""
    trail = trail_to({"label": account.name, "href": url_for(".show", uid=account.uid)})
    return answer(
        render_template(
            "accounts/desk_slip.html",
            account=account,
            password=password,
            site=site_address(),
            address=site_address("/account/sign-in"),
            trail=trail,
        )
    )


def reached_account(uid: str) -> tuple[Account, list[Grant]]:
    """The account with its grants, 404 where the administrator does not reach it."""
    account: Account = get_or_404(sa.select(Account).where(Account.uid == uid))
    grants = queries.grants_of(account.id)
    hidden(policies.can_see, viewer(), [(grant.territory.path, grant.organisation_id) for grant in grants])
    return account, grants


def _person_row(account: Account) -> Row | None:
    """The person whose login this is."""
    survivor = people.survivor_of(account.person_id)
    return next(iter(people.rows_of([survivor])), None) if survivor is not None else None


def show_page(account: Account, grants: list[Grant], form: GrantForm | None = None, bind: BindForm | None = None) -> str:
    form = form or _offered(GrantForm(formdata=None, from_on=clock.today()))
    reached = {grant.id for grant in grants if policies.can_grant(viewer(), grant.territory.path, grant.organisation_id)}
    return render_template(
        "accounts/desk_account.html",
        account=account,
        grants=grants,
        reached=reached,
        form=form,
        issue=IssueForm(formdata=None, prefix="issue-"),
        bind=bind or BindForm(formdata=None, prefix="bind-"),
        person=_person_row(account),
        can_manage=policies.can_manage(viewer(), account.id, queries.places_of(grants)),
        is_own=viewer().account_id == account.id,
        sessions=len(queries.living_sessions(account.id)),
        role_words=labels.ROLE,
        today=clock.today(),
        trail=trail_to(),
    )


@bp.get("/<uid>")
@staff(Role.administrator)
def show(uid: str) -> ResponseReturnValue:
    return answer(show_page(*reached_account(uid)))


@bp.post("/<uid>/grants")
@staff(Role.administrator)
def give(uid: str) -> ResponseReturnValue:
    account, _grants = reached_account(uid)
    form, status = _offered(GrantForm()), 422
    if form.validate_on_submit():
        try:
            wanted = _new_grant(form)
            with keyed(form, to=lambda _grant: url_for(".show", uid=uid)):
                operations.give_grant(actor(), account.id, wanted)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The right is given. It counts from its first day, after signing in with two steps."))
            return redirect(url_for(".show", uid=uid), 303)
    return answer(show_page(account, queries.grants_of(account.id), form), status)


@bp.post("/<uid>/password")
@staff(Role.administrator)
def issue_password(uid: str) -> ResponseReturnValue:
    account, grants = reached_account(uid)
    authorize(policies.can_manage, viewer(), account.id, queries.places_of(grants))
    form = IssueForm(prefix="issue-")
    try:
        with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
            password = operations.issue_password(actor(), account.id, forget_app=bool(form.forget_app.data))
    except DomainError as refusal:
        flash(refusal.message, "warn")
        return redirect(url_for(".show", uid=uid), 303)
    return _slip(account, password)
