"""Ending a right hands its open work over; two-person rules compare people, not logins."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from civic.accounts import operations, policies, queries
from civic.accounts.errors import SamePerson
from civic.accounts.models import Account, Grant
from civic.accounts.own_errors import StillOpen, WrongColleague
from civic.core import clock
from civic.core.db import db
from civic.core.openwork import Happening, OpenWork
from civic.core.viewer import Role, Scope, Viewer
from civic.people import operations as people
from civic.people.models import Person
from civic.territory.models import Territory

EN = {"Accept-Language": "en"}


@pytest.fixture
def cases(site):
    """A module in which every right has two open cases until somebody takes them; lists who took which."""
    registry, taken = site.extensions["civic"].registry, {}

    def open_work(subject):
        if (subject.kind, subject.happening) != ("grant", Happening.hand_over) or subject.id in taken:
            return ()
        return (OpenWork("2 cases", "They go to the colleague.", 2, hand_over=lambda _actor, to: taken.update({subject.id: to})),)

    before = list(registry.modules)
    registry.modules[-1] = replace(registry.modules[-1], open_work=open_work)
    yield taken
    registry.modules[:] = before


def grant_of(account) -> int:
    return db.session.scalars(sa.select(Grant.id).where(Grant.account_id == account.id)).one()


def test_a_right_with_open_work_ends_only_when_a_colleague_takes_it(site, make_account, make_community, as_actor, cases):
    here, there = make_community(), make_community()
    leaving, near, far = (make_account(role=Role.clerk, territory=place) for place in (here, here, there))
    district = db.session.scalars(sa.select(Territory).where(Territory.path == f"/{here.path.split('/')[1]}/")).one()
    above, other_role = make_account(role=Role.clerk, territory=district), make_account(role=Role.manager, territory=here)
    actor, grant_id = as_actor(make_account(role=Role.administrator)), grant_of(leaving)
    assert {each.id for each in queries.colleagues(db.session.get_one(Grant, grant_id))} == {near.id, above.id}
    with pytest.raises(StillOpen):
        operations.end_grant(actor, grant_id)
    for wrong in (far, other_role, leaving):
        with pytest.raises(WrongColleague):
            operations.end_grant(actor, grant_id, colleague_id=wrong.id)
    with pytest.raises(StillOpen):
        operations.close_account(actor, leaving.id)
    assert cases == {}
    assert db.session.get_one(Grant, grant_id, populate_existing=True).ended_at is None
    operations.end_grant(actor, grant_id, colleague_id=near.id)
    assert cases == {grant_id: near.id}
    operations.close_account(actor, leaving.id)


@pytest.mark.usefixtures("cases")
def test_work_that_cannot_be_handed_over_keeps_the_right(site, make_account, as_actor):
    leaving, near = make_account(role=Role.clerk), make_account(role=Role.clerk)
    registry = site.extensions["civic"].registry
    registry.modules[-1] = replace(registry.modules[-1], open_work=lambda _subject: (OpenWork("1 letter"),))
    with pytest.raises(StillOpen):
        operations.end_grant(as_actor(near), grant_of(leaving), colleague_id=near.id)


def test_the_desk_shows_the_work_and_asks_who_takes_it(client, make_account, sign_in, cases):
    leaving, near = make_account(role=Role.clerk), make_account(role=Role.clerk, name="窗口 阿玲")
    sign_in(client, make_account(role=Role.administrator))
    grant_id = grant_of(leaving)
    page = f"/desk/accounts/{leaving.uid}/grants/{grant_id}/end"
    assert "2 cases" in client.get(f"/desk/accounts/{leaving.uid}/close", status=200).get_data(as_text=True)
    shown = client.get(page, status=200).get_data(as_text=True)
    assert "2 cases" in shown
    assert "窗口 阿玲" in shown
    client.submit(f"/desk/accounts/{leaving.uid}/close", page=f"/desk/accounts/{leaving.uid}/close", status=303)
    assert db.session.get_one(Account, leaving.id, populate_existing=True).is_open
    db.session.rollback()
    again = client.submit(page, {"colleague": ""}, status=409, headers=EN).get_data(as_text=True)
    assert "still has open work" in again
    client.submit(page, {"colleague": "nobody"}, status=422)
    client.submit(page, {"colleague": near.uid}, status=303)
    assert cases == {grant_id: near.id}


def test_two_logins_of_one_person_are_one_person(site, make_account, make_resident_account, as_actor):
    first, second, third = (make_account(role=Role.auditor) for _ in range(3))
    person_id = make_resident_account().person_id
    for account in (first, second):
        operations.bind_person(as_actor(third), account.id, person_id)
    opening = operations.ask_opening(as_actor(first), "公函 7 号", "调查", clock.today(), clock.today(), "")
    with pytest.raises(SamePerson):
        operations.release_opening(as_actor(second), opening.id)
    operations.release_opening(as_actor(third), opening.id)


@pytest.mark.parametrize(
    ("mine", "hers", "may"),
    [(None, None, True), (1, None, True), (None, 1, True), (1, 1, False), (1, 2, True)],
)
def test_who_may_release(mine, hers, may):
    viewer = Viewer(account_id=5, person_id=mine, scopes=(Scope(Role.auditor, "/440113/"),))
    assert policies.can_release(viewer, 6, hers) is may
    assert policies.can_release(viewer, 5, hers) is False


def test_the_desk_binds_a_login_to_the_person_who_types_her_digits(client, make_account, make_resident_account, sign_in, as_actor):
    colleague, person_account = make_account(role=Role.clerk), make_resident_account()
    sign_in(client, make_account(role=Role.administrator))
    page = f"/desk/accounts/{colleague.uid}"
    client.submit(f"{page}/person", {"bind-number": "123456789", "bind-code": "4826"}, page=page, status=403)
    number = db.session.get_one(Person, person_account.person_id).number
    people.choose_code(as_actor(person_account), person_account.person_id, "4826")
    client.submit(f"{page}/person", {"bind-number": number}, page=page, status=422)
    client.submit(f"{page}/person", {"bind-number": number, "bind-code": "4827"}, page=page, status=403)
    assert queries.person_of(colleague.id) is None, "the number alone binds nobody"
    client.submit(f"{page}/person", {"bind-number": f" {number[:4]} {number[4:]}", "bind-code": "4826"}, page=page, status=303)
    assert queries.person_of(colleague.id) == person_account.person_id
