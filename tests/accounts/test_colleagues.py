"""A community manager sees what a colleague has open and hands it over; rights stay with the administrator."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations, policies, queries
from civic.accounts.errors import GrantIsOver
from civic.accounts.models import Grant
from civic.accounts.own_errors import NothingOpen, WrongColleague
from civic.accounts.policies import HANDED_ON
from civic.bulletin.models import Posting
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Role, Scope, Viewer

HERE, BESIDE, ABOVE = "/440113/9/1/", "/440113/9/2/", "/440113/9/"
EN = {"Accept-Language": "en"}


def grant_of(account) -> Grant:
    return db.session.scalars(sa.select(Grant).where(Grant.account_id == account.id)).one()


@pytest.fixture
def here(make_community):
    return make_community()


@pytest.fixture
def leaving(make_account, here, make_posting, as_actor):
    """A manager with a posting that hangs."""
    account = make_account(role=Role.manager, territory=here, name="刘洋")
    make_posting(here, actor=as_actor(account))
    return account


@pytest.fixture
def manager(client, make_account, sign_in, here):
    account = make_account(role=Role.manager, territory=here, name="何姐")
    sign_in(client, account)
    return account


@pytest.mark.parametrize("role", list(Role))
def test_whose_work_a_manager_hands_on(role):
    """Role × territory × organisation, as the truth says it."""
    for territory, mine, path, theirs in [
        (t, m, p, o) for t in (HERE, ABOVE) for m in (frozenset(), frozenset({1})) for p in (HERE, BESIDE, ABOVE) for o in (None, 1, 2)
    ]:
        reached = path.startswith(territory) and (not mine or theirs in mine)
        may = reached and role in {"clerk", "handler", "social-worker", "keeper", "moderator", "manager"}
        assert policies.can_hand_on(Viewer(account_id=1, scopes=(Scope(Role.manager, territory, mine),)), role, path, theirs) is may
    everything_else = tuple(Scope(each, "/440113/") for each in Role if each is not Role.manager)
    assert not policies.can_hand_on(Viewer(account_id=1, scopes=everything_else), role, HERE, None)


def test_the_page_lists_those_of_her_territory_and_who_ends_soon_comes_first(client, manager, leaving, here, make_account, make_community):
    soon = make_account(role=Role.clerk, territory=here, name="窗口阿玲")
    hidden = [make_account(role=role, territory=here, name=f"不归她{role}") for role in Role if role not in HANDED_ON]
    hidden.append(make_account(role=Role.clerk, territory=make_community(), name="隔壁的人"))
    with atomic():
        db.session.merge(grant_of(soon)).to_on = clock.today() + timedelta(days=3)
    page = client.get("/desk/colleagues/", status=200).get_data(as_text=True)
    assert page.index("窗口阿玲") < page.index("刘洋")
    assert not [each.name for each in hidden if each.name in page]
    assert "/desk/colleagues/" in client.get("/desk/", status=200).get_data(as_text=True)


def test_she_sees_the_open_work_and_hands_it_to_a_colleague(client, manager, leaving, here, make_account):
    taking, grant = make_account(role=Role.manager, territory=here, name="陈姐"), grant_of(leaving)
    page = f"/desk/colleagues/{grant.id}"
    db.session.rollback()  # ends the reads: an open savepoint here would later undo what the browser does
    shown = client.get(page, status=200, headers=EN).get_data(as_text=True)
    assert "1 posting that is not closed" in shown
    assert "陈姐" in shown
    client.submit(page, {"colleague": ""}, status=422)
    client.submit(page, {"colleague": "nobody"}, status=422)
    client.submit(page, {"colleague": taking.uid}, status=303)
    row = db.session.scalars(sa.select(Posting)).one()
    assert row.account_id == taking.id
    assert grant_of(leaving).ended_at is None, "the right stays"
    assert "Nothing is open" in client.get(page, status=200, headers=EN).get_data(as_text=True)


def test_a_neighbour_and_other_roles_find_no_such_page(client, leaving, make_account, make_community, sign_in, here):
    grant_id = grant_of(leaving).id
    auditor_grant = grant_of(make_account(role=Role.auditor, territory=here)).id
    sign_in(client, make_account(role=Role.manager, territory=make_community()))
    client.get(f"/desk/colleagues/{grant_id}", status=404)
    client.submit(f"/desk/colleagues/{grant_id}", {"colleague": "x"}, page="/desk/bulletin/new", status=404)
    sign_in(client, make_account(role=Role.manager, territory=here))
    client.get(f"/desk/colleagues/{auditor_grant}", status=404)
    sign_in(client, make_account(role=Role.clerk, territory=here))
    client.get("/desk/colleagues/", status=403)


def test_work_goes_to_the_same_role_here_alone(leaving, here, make_account, make_community, as_actor):
    grant = grant_of(leaving)
    clerk, far = make_account(role=Role.clerk, territory=here), make_account(role=Role.manager, territory=make_community())
    actor, near = as_actor(make_account(role=Role.manager, territory=here)), make_account(role=Role.manager, territory=here)
    for wrong in (clerk.id, far.id, leaving.id, None):
        with pytest.raises(WrongColleague):
            operations.hand_on(actor, grant.id, wrong)
    operations.hand_on(actor, grant.id, near.id)
    with pytest.raises(NothingOpen):
        operations.hand_on(actor, grant.id, near.id)
    operations.end_grant(actor, grant.id)
    with pytest.raises(GrantIsOver):
        operations.hand_on(actor, grant.id, near.id)


def test_a_right_whose_last_day_has_passed_still_leaves_its_work(client, manager, leaving, here):
    grant = grant_of(leaving)
    with atomic():
        db.session.merge(grant).from_on = clock.today() - timedelta(days=9)
        db.session.merge(grant).to_on = clock.today() - timedelta(days=1)
    assert "刘洋" in client.get("/desk/colleagues/", status=200).get_data(as_text=True)
    client.submit(f"/desk/colleagues/{grant.id}", {"colleague": manager.uid}, status=303)
    assert db.session.scalars(sa.select(Posting.account_id)).one() == manager.id
    assert queries.colleagues(db.session.get_one(Grant, grant.id))[0].id == manager.id
