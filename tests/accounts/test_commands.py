"""`civic user` and the logins of the demonstration."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from civic.accounts import operations, queries, seeds
from civic.accounts.models import Account, Grant
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Role
from civic.territory.models import Organisation, OrganisationKind, Territory, TerritoryKind
from tests.support.accounts import PASSWORD, the_territory


@pytest.fixture
def run(site):
    runner = site.test_cli_runner()
    return lambda *words, typed=None: runner.invoke(args=["user", *words], input=typed)


@pytest.fixture
def house(site):
    district = the_territory(None)
    with atomic():
        db.session.add(Organisation(code="B-LSB", kind=OrganisationKind.department, name_zh="区来穗局", name_en="Migrant Office"))
        street = Territory(
            code="440113010",
            kind=TerritoryKind.street,
            name_zh="桥南街",
            name_en="Qiaonan",
            parent_id=district.id,
            path="/440113/440113010/",
        )
        db.session.add(street)
        db.session.flush()
        path = "/440113/440113010/440113010901/"
        db.session.add(
            Territory(
                code="440113010901", kind=TerritoryKind.community, name_zh="榕树社区", name_en="Rongshu", parent_id=street.id, path=path
            )
        )


CREATE = ("create", "aling", "--role", "handler", "--territory", "440113", "--password-stdin")


def test_an_account_is_made_from_the_command_line(run, house):
    made = run(*CREATE, "--organisation", "B-LSB", "--name", "阿玲", typed=PASSWORD + "\n")
    assert (made.exit_code, made.output) == (0, "Made aling: handler in 440113 for B-LSB.\n")
    assert operations.prove_password("aling", PASSWORD, "127.0.0.1").name == "阿玲"
    event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.verb == "accounts.account.create")).one()
    assert (event.account_id, event.job, event.channel) == (None, "command", "command")


def test_the_password_is_asked_for_twice(run, house):
    made = run("create", "aling", "--role", "admin", "--territory", "440113", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.exit_code == 0
    assert PASSWORD not in made.output


@pytest.mark.parametrize(
    ("words", "typed", "line"),
    [
        (CREATE, "short\n", "Error: A password needs at least 10 characters; this one has 5."),
        ((*CREATE[:5], "999", "--password-stdin"), PASSWORD, "Error: No territory has the code 999."),
        ((*CREATE, "--organisation", "B-X"), PASSWORD, "Error: No organisation has the code B-X."),
        (("create", "阿玲", *CREATE[2:]), PASSWORD, "Error: A login has 2 to 40 letters a–z"),
        (("end", "nobody"), None, "Error: No account has the login nobody."),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_1(run, house, words, typed, line):
    refused = run(*words, typed=typed)
    assert refused.exit_code == 1
    assert refused.output.startswith(line)
    assert refused.output.count("\n") == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Account)) == 0


def test_an_unknown_role_is_wrong_usage(run, house):
    assert run("create", "aling", "--role", "emperor", "--territory", "440113").exit_code == 2


def test_accounts_are_listed_and_ended(run, house, make_account):
    run(*CREATE, "--organisation", "B-LSB", typed=PASSWORD)
    make_account(login="bohai", name="伯海")
    assert run("list").output == "aling\taling\thandler 440113 B-LSB\nbohai\t伯海\t-\n"
    listed = json.loads(run("list", "--json").output)
    assert listed["users"][0] == {"login": "aling", "name": "aling", "grants": ["handler 440113 B-LSB"]}
    assert run("end", "ALING").output == "Closed aling.\n"
    again = run("end", "aling")
    assert (again.exit_code, again.output.startswith("Error: This account is closed.")) == (1, True)
    assert len(json.loads(run("list", "--json").output)["users"]) == 1


def test_the_demonstration_has_its_logins_and_a_second_run_changes_nothing(site, house):
    made = seeds.make_demo_logins()
    assert [each.login for each in made] == [
        "resident", "resident2", "clerk", "social-worker", "town", "district", "handler", "manager", "admin", "auditor",
    ]  # fmt: skip
    for each in made:
        assert operations.prove_password(each.login, "civic-demo", "127.0.0.1").name == each.name
    before = db.session.scalars(sa.select(Account.uid).order_by(Account.id)).all()
    seeds.make_demo_logins()
    assert db.session.scalars(sa.select(Account.uid).order_by(Account.id)).all() == before
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Grant)) == 8
    manager = queries.account_by_login("manager")
    assert [(g.role, g.territory.code) for g in queries.grants_of(manager.id)] == [(Role.manager, "440113010901")]
