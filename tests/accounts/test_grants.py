"""Giving and ending rights, and what a Viewer is made of."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations, queries, signals
from civic.accounts.errors import AccountIsClosed, BadLogin, DaysInWrongOrder, GrantInThePast, GrantIsOver, GrantOverlaps, LoginTaken
from civic.accounts.models import Account, Grant
from civic.accounts.operations import NewGrant
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Role, Scope
from civic.territory.models import Organisation, OrganisationKind
from tests.conftest import NOW
from tests.support.accounts import the_territory

TODAY = date(2026, 11, 25)


@pytest.fixture
def heard():
    """What the signals said, in order."""
    seen: list[tuple[str, int]] = []
    ears = {
        name: (lambda sender, name=name, **_more: seen.append((name, sender.id)))
        for name in ("grant_given", "grant_ended", "account_closed")
    }
    for name, ear in ears.items():
        getattr(signals, name).connect(ear)
    yield seen
    for name, ear in ears.items():
        getattr(signals, name).disconnect(ear)


@pytest.fixture
def department(site):
    with atomic():
        parent = Organisation(code="B-LSB", kind=OrganisationKind.department, name_zh="区来穗局", name_en="Migrant Office")
        db.session.add(parent)
        db.session.flush()
        line = Organisation(code="B-DEPT-LG", kind=OrganisationKind.line, name_zh="流管", name_en="Line", parent_id=parent.id)
        other = Organisation(code="B-T-LSZ", kind=OrganisationKind.agency, name_zh="镇中心", name_en="Town centre", parent_id=parent.id)
        db.session.add_all([line, other])
    return parent, line, other


def wanted(**changed) -> NewGrant:
    return NewGrant(**{"role": Role.handler, "territory_id": the_territory(None).id, "organisation_id": None, "from_on": TODAY, **changed})


def verbs() -> list[str]:
    return list(db.session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.id)))


def test_a_grant_for_a_department_covers_its_lines_and_nothing_else(make_account, viewer_of, department):
    parent, line, other = department
    viewer = viewer_of(make_account(role=Role.handler, organisation=parent))
    assert viewer.scopes == (Scope(Role.handler, "/440113/", frozenset({parent.id, line.id})),)
    assert viewer.holds(Role.handler, "/440113/", line.id)
    assert not viewer.holds(Role.handler, "/440113/", other.id)
    assert not viewer.holds(Role.handler, "/440113/", None)


def test_a_grant_counts_from_its_first_day_to_its_last(make_account, as_actor):
    account = make_account()
    account_id = account.id
    operations.give_grant(as_actor(account), account_id, wanted(from_on=TODAY + timedelta(days=1), to_on=TODAY + timedelta(days=2)))
    counts = [bool(queries.scopes_of(account_id, TODAY + timedelta(days=n))) for n in range(5)]
    assert counts == [False, True, True, False, False]
    grant = db.session.scalars(sa.select(Grant)).one()
    assert [grant.is_valid(TODAY + timedelta(days=n)) for n in range(5)] == counts
    assert [grant.is_over(TODAY + timedelta(days=n)) for n in range(5)] == [False, False, False, True, True]


def test_giving_and_ending_write_audit_lines_and_tell_others(make_account, as_actor, heard):
    admin, account = make_account(role=Role.administrator), make_account()
    actor, account_id = as_actor(admin), account.id
    grant = operations.give_grant(actor, account_id, wanted())
    grant_id = grant.id
    assert grant.given_by_id == actor.account_id
    operations.end_grant(actor, grant_id)
    assert queries.scopes_of(account_id, TODAY) == ()
    with pytest.raises(GrantIsOver):
        operations.end_grant(actor, grant_id)
    assert heard == [("grant_given", grant_id), ("grant_ended", grant_id)]
    assert verbs() == ["accounts.grant.give", "accounts.grant.end"]


def test_what_was_refused_left_nothing_behind(make_account, as_actor, department, heard):
    account = make_account()
    actor, account_id = as_actor(account), account.id
    with pytest.raises(DaysInWrongOrder):
        operations.give_grant(actor, account_id, wanted(to_on=TODAY - timedelta(days=1)))
    with pytest.raises(GrantInThePast):
        operations.give_grant(actor, account_id, wanted(from_on=TODAY - timedelta(days=9), to_on=TODAY - timedelta(days=1)))
    operations.give_grant(actor, account_id, wanted(to_on=TODAY + timedelta(days=5)))
    for overlap in (wanted(), wanted(from_on=TODAY + timedelta(days=5)), wanted(from_on=TODAY - timedelta(days=3), to_on=TODAY)):
        with pytest.raises(GrantOverlaps):
            operations.give_grant(actor, account_id, overlap)
    operations.give_grant(actor, account_id, wanted(from_on=TODAY + timedelta(days=6)))
    operations.give_grant(actor, account_id, wanted(organisation_id=department[0].id))
    operations.give_grant(actor, account_id, wanted(role=Role.clerk))
    assert len(heard) == 4
    operations.close_account(actor, account_id)
    with pytest.raises(AccountIsClosed):
        operations.give_grant(actor, account_id, wanted())


def test_closing_ends_sessions_tokens_and_grants(client, make_account, as_actor, sign_in, heard):
    admin, account = make_account(role=Role.administrator), make_account(role=Role.clerk)
    actor, account_id = as_actor(admin), account.id
    sign_in(client, account)
    _row, token = operations.begin_token(as_actor(account), account_id, label="API", two_step=True)
    grant_id = db.session.scalars(sa.select(Grant.id).where(Grant.account_id == account_id)).one()
    operations.close_account(actor, account_id)
    assert heard == [("grant_ended", grant_id), ("account_closed", account_id)]
    client.get("/account/", status=303)
    client.get("/api/v1/account", headers={"Authorization": f"Bearer {token}"}, status=401)
    assert verbs()[-1] == "accounts.account.close"


@pytest.mark.parametrize("login", ["a", "1aling", "aling window", "阿玲", "😀😀", "a" * 41, "", "aling@home", "<b>"])
def test_a_login_has_plain_letters(site, make_account, as_actor, login):
    with pytest.raises(BadLogin):
        operations.create_account(as_actor(make_account()), login, "Aling", "nine green banyans", must_change=False)


def test_a_login_is_unique_whatever_its_width_and_case(site, make_account, as_actor):
    actor = as_actor(make_account(login="aling"))
    with pytest.raises(LoginTaken) as refusal:
        operations.create_account(actor, "ＡＬＩＮＧ", "Aling", "nine green banyans", must_change=False, grants=[wanted()])
    assert refusal.value.context == {"login": "aling", "field": "login"}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Grant)) == 0
    made = operations.create_account(actor, "ＢＯＨＡＩ", "", "nine green banyans", must_change=True, grants=[wanted()])
    assert (made.login, made.name, made.must_change_password, made.is_open) == ("bohai", "bohai", True, True)


def test_two_administrators_making_the_same_login_at_once(live_app):
    import threading

    from civic.core.errors import DomainError
    from civic.core.viewer import Actor

    results: list[str] = []
    gate = threading.Barrier(2)

    def make() -> None:
        with live_app.app_context():
            gate.wait()
            try:
                results.append(
                    operations.create_account(Actor(None, job="test"), "aling", "", "nine green banyans", must_change=False).login
                )
            except DomainError as refusal:
                results.append(refusal.code)
            db.session.remove()

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["aling", "login_taken"]


def test_sessions_and_tokens_of_others_cannot_be_ended(site, make_account, as_actor):
    mine, theirs = make_account(), make_account()
    actor, my_id, their_id = as_actor(mine), mine.id, theirs.id
    row, _token = operations.begin_session(actor, their_id, device="", two_step=False)
    token, _text = operations.begin_token(actor, their_id, label="API", two_step=False)
    session_id, token_id = row.id, token.id
    assert not operations.end_session(actor, my_id, session_id)
    assert not operations.end_token(actor, my_id, token_id)
    assert operations.end_session(actor, their_id, session_id)
    assert not operations.end_session(actor, their_id, session_id)
    assert operations.end_token(actor, their_id, token_id)


def test_last_seen_of_a_token_is_written_once_in_ten_minutes(site, make_account, as_actor):
    account = make_account()
    account_id = account.id
    _row, token = operations.begin_token(as_actor(account), account_id, label="API", two_step=False)
    who = queries.token_of(token)
    assert operations.note_seen(who)  # never seen before: the first time on this day
    assert not operations.note_seen(who)  # another request was faster
    assert queries.token_of(token).seen_at == NOW
    with clock.frozen(NOW + timedelta(days=1)):
        assert operations.note_seen(queries.token_of(token))


def test_the_account_that_made_nothing_is_seen_only_by_the_district(make_account, viewer_of):
    plain = make_account(login="plain")
    admin = make_account(role=Role.administrator)
    narrow = make_account(role=Role.administrator, organisation=None)
    with atomic():
        db.session.execute(sa.update(Account).where(Account.id == narrow.id).values(name="Narrow"))
    rows, total = queries.list_accounts(viewer_of(admin))
    assert {row.account.login for row in rows} == {plain.login, admin.login, narrow.login}
    assert total == 3
    assert queries.list_accounts(viewer_of(plain)) == ([], 0)
    assert queries.grantable_territories(viewer_of(plain)) == []
