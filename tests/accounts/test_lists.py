"""The list of staff: logins without a password, grants within the giver's reach, changed days, nothing quoted."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.loaders import STAFF
from civic.accounts.models import Account, Grant, Identity, IdentityKind
from civic.core import crypto
from civic.core.db import db
from civic.core.i18n import speaking
from civic.core.load import runs
from civic.core.load.engine import plan_load
from civic.core.load.models import LoadRow
from civic.core.load.runs import run_load
from civic.core.viewer import Actor, Channel, Role
from tests.people.test_lists import registered

COMMAND = Actor(None, job="test", channel=Channel.command)
HEAD = "login,name,role,territory,organisation,from,to,member,mail"
TODAY = date(2026, 11, 25)


@pytest.fixture
def places(site, make_community, make_organisation, monkeypatch):
    monkeypatch.setattr(runs, "PAUSE", 0)
    with registered(site, STAFF), speaking("en"):
        found = [make_community(code="C-1"), make_community(code="C-2")]
        make_organisation(code="B-1")
        yield found


def staff(*rows: str) -> list[tuple[str, bytes]]:
    return [("staff.csv", ("\n".join([HEAD, *rows]) + "\n").encode())]


def load(*rows: str, actor: Actor = COMMAND) -> None:
    plan = plan_load(staff(*rows), actor=actor)
    assert not plan.rejected, [str(r.why) for r in plan.rejected]
    run_load(actor, plan)


def why(*rows: str, actor: Actor = COMMAND) -> list[tuple[int, str]]:
    return [(r.line, str(r.why)) for r in plan_load(staff(*rows), actor=actor).rejected]


def grants() -> list[Grant]:
    return list(db.session.scalars(sa.select(Grant).order_by(Grant.id).execution_options(populate_existing=True)))


LING = "ling,窗口 阿玲,clerk,C-1,B-1,,,,ling@example.org"


def test_a_login_is_made_without_a_password_and_with_its_rights(places):
    load(LING, "ling,窗口 阿玲,社工,C-2,,2026-12-01,2026-12-31,,")
    account = queries.account_by_login("ling")
    assert (account.name, account.must_change_password) == ("窗口 阿玲", True)
    first, second = grants()
    assert (first.role, first.territory_id, first.from_on, first.to_on) == (Role.clerk, places[0].id, TODAY, None)
    assert (second.role, second.organisation_id, second.to_on) == (Role.social_worker, None, date(2026, 12, 31))
    (identity,) = db.session.scalars(sa.select(Identity)).all()
    assert (identity.kind, identity.confirmed_at) == (IdentityKind.mail, None)
    assert crypto.decrypt(identity.secret, "identity") == "ling@example.org"
    kept = "".join(str(tuple(row)) for row in db.session.execute(sa.select(LoadRow.__table__)))
    assert "ling" not in kept


def test_a_second_load_changes_nothing_and_other_days_are_another_right(places):
    load(LING)
    assert plan_load(staff(LING)).total == 0
    load(LING.replace("B-1,,", "B-1,,2027-01-31"))
    old, new = grants()
    assert old.ended_at is not None
    assert (new.ended_at, new.to_on) == (None, date(2027, 1, 31))
    load(LING.replace("B-1,,", "B-1,,2026-11-24"))
    assert all(g.ended_at is not None for g in grants())
    load(LING.replace("阿玲", "阿灵").replace("B-1,,", "B-1,,2026-11-24"))
    assert queries.account_by_login("ling").name == "窗口 阿灵"
    assert len(grants()) == 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (LING.replace("ling,", "L!,", 1), "login: 2 to 40"),
        (LING.replace("C-1", "C-9"), "no such territory"),
        (LING.replace("B-1", "B-9"), "no such organisation"),
        (LING.replace("clerk", "king"), "role can be"),
        (LING.replace("B-1,,", "B-1,2026-12-02,2026-12-01"), "before the first"),
        (LING.replace("B-1,,", "B-1,,2026-11-24"), "passed already"),
        (LING.replace("ling@example.org", "at home"), "not a mail address"),
        (LING.replace(",,ling@", ",123456789,ling@"), "no living person"),
    ],
)
def test_what_cannot_be_is_told_by_line_and_column(places, row, words):
    ((line, told),) = why(row)
    assert line == 2
    assert words in told
    assert "阿玲" not in told


def test_a_grant_for_a_territory_that_the_giver_does_not_hold_is_refused_by_row(places, make_account):
    actor = Actor(make_account(role=Role.administrator, territory=places[0]).id)
    other = LING.replace("C-1", "C-2").replace("ling,", "lan,", 1)
    assert why(LING, other, actor=actor) == [(3, why(other, actor=actor)[0][1])]
    assert "you do not hold this territory" in why(other, actor=actor)[0][1]
    load(LING, actor=actor)
    assert grants()[-1].given_by_id == actor.account_id
    assert why(LING, actor=Actor(make_account(role=Role.manager, territory=places[0]).id)) != []
    assert why(other) == []  # by command


def test_an_account_with_rights_elsewhere_is_not_touched_by_a_smaller_administrator(places, make_account):
    make_account(role=Role.manager, territory=places[1], login="boss", name="Boss")
    actor = Actor(make_account(role=Role.administrator, territory=places[0]).id)
    row = "boss,Boss,clerk,C-1,,,,,thief@example.org"
    assert "rights where you hold none" in why(row, actor=actor)[0][1]
    assert why(row) == []


def test_a_closed_account_and_a_right_given_at_the_desk_are_named(places, make_account):
    make_account(role=Role.clerk, territory=places[0], login="mei", name="Mei")
    assert "holds the same right already" in why("mei,Mei,clerk,C-1,,,,,")[0][1]
    account = make_account(login="gone", name="Gone")
    db.session.execute(sa.update(Account).where(Account.id == account.id).values(closed_at=sa.func.now()))
    db.session.commit()
    assert "account is closed" in why("gone,Gone,clerk,C-1,,,,,")[0][1]
