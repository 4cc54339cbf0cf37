"""The desk pages of accounts: who finds whom, the slip with the first password, rights, closing."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from civic.accounts import operations, queries
from civic.accounts.models import Account, Grant
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Role
from civic.territory.models import Organisation, OrganisationKind, Territory, TerritoryKind
from tests.accounts.test_signing_in import type_in
from tests.support.accounts import the_territory
from tests.support.client import hidden_fields

LIST, NEW = "/desk/accounts/", "/desk/accounts/new"
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def places(site):
    """Two streets with a community each."""
    district = the_territory(None)
    found = {"district": district}
    with atomic():
        for street, community in (("440113010", "440113010901"), ("440113009", "440113009901")):
            path = f"/440113/{street}/"
            above = Territory(
                code=street,
                kind=TerritoryKind.street,
                name_zh=f"街{street[-2:]}",
                name_en=f"Street {street[-2:]}",
                parent_id=district.id,
                path=path,
            )
            db.session.add(above)
            db.session.flush()
            below = Territory(
                code=community,
                kind=TerritoryKind.community,
                name_zh="榕树社区",
                name_en=f"Rongshu {street[-2:]}",
                parent_id=above.id,
                path=f"{path}{community}/",
            )
            db.session.add(below)
            found[street], found[community] = above, below
    return found


@pytest.fixture
def admin(client, make_account, sign_in, places):
    account = make_account(role=Role.administrator, name="Chen Zhiyuan")
    sign_in(client, account)
    return account


def page_of(account: Account) -> str:
    return f"{LIST}{account.uid}"


def typed(**changed):
    return {
        "login": "aling",
        "name": "窗口 阿玲",
        "role": "clerk",
        "territory": "440113010901",
        "organisation": "",
        "from_on": "2026-11-25",
        "to_on": "",
        **changed,
    }


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.administrator and role is not Role.manager])
def test_the_door_is_closed_to_other_roles(client, make_account, sign_in, role):
    sign_in(client, make_account(role=role))
    client.get(LIST, status=403)
    client.get(NEW, status=403)


def test_a_new_colleague_gets_a_slip_and_comes_in_with_it(client, admin):
    page = client.submit(NEW, typed(), status=200, headers=ENGLISH)
    text = page.get_data(as_text=True)
    assert page.headers["Cache-Control"] == "no-store"
    first = re.search(r"([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})", text).group(1)
    account = queries.account_by_login("aling")
    assert account.must_change_password
    grant = queries.grants_of(account.id)[0]
    assert (grant.role, grant.territory.code, grant.given_by_id) == (Role.clerk, "440113010901", admin.id)
    assert type_in(client.application.test_client(), "aling", first).location == "/account/second-step/set-up"
    assert first not in client.get(page_of(account), status=200).get_data(as_text=True)


def test_a_double_click_makes_one_account_and_leads_to_it(client, admin):
    text = client.get(NEW).get_data(as_text=True)
    keys = {name: re.search(rf'name="{name}"[^>]*value="([^"]+)"', text).group(1) for name in ("csrf_token", "request_key")}
    client.post(NEW, data={**typed(), **keys}, status=200)
    answer = client.post(NEW, data={**typed(), **keys}, status=303)
    assert answer.location == page_of(queries.account_by_login("aling"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"login": "阿玲"}, "A login has 2 to 40 letters"),
        ({"login": "a" * 10_000}, "At most 100 characters; there are 10000."),
        ({"name": ""}, "Type the name that colleagues see."),
        ({"role": "emperor"}, "Choose one of the entries in the list."),
        ({"role": ""}, "Choose one of the entries in the list."),
        ({"territory": "999999"}, "Choose one of the entries in the list."),
        ({"organisation": "B-X"}, "Choose one of the entries in the list."),
        ({"from_on": "31.2.2026"}, "Not a valid date"),
        ({"to_on": "2026-11-01"}, "The last day lies before the first day."),
    ],
)
def test_bad_input_is_told_at_the_field_and_kept(client, admin, changed, words):
    text = client.submit(NEW, typed(**changed), status=422, headers=ENGLISH).get_data(as_text=True)
    assert words in text
    if "name" not in changed:
        assert "窗口 阿玲" in text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Account)) == 1


def test_a_taken_login_is_a_conflict_told_at_the_field(client, admin, make_account):
    make_account(login="aling")
    assert "The login aling is taken." in client.submit(NEW, typed(), status=409, headers=ENGLISH).get_data(as_text=True)


def test_emoji_and_rare_characters_stand_in_names(client, admin):
    client.submit(NEW, typed(name="㙓𠮷 😀"), status=200)
    assert "㙓𠮷 😀" in client.get(LIST, status=200).get_data(as_text=True)


def test_an_administrator_of_a_community_stays_in_it(client, make_account, sign_in, places):
    here, there = places["440113010901"], places["440113009901"]
    sign_in(client, make_account(role=Role.administrator, territory=here, name="Narrow"))
    mine = make_account(role=Role.clerk, territory=here, name="Mine")
    far = make_account(role=Role.clerk, territory=there, name="Faraway")
    above = make_account(role=Role.district, name="Above")
    text = client.get(LIST, status=200).get_data(as_text=True)
    assert "Mine" in text
    assert "Faraway" not in text
    assert "Above" not in text
    client.get(page_of(far), status=404)
    client.get(page_of(above), status=404)
    client.get(page_of(mine), status=200)
    offered = re.findall(r'<option value="(\d+)"', client.get(NEW).get_data(as_text=True))
    assert offered == ["440113010901"]
    client.submit(NEW, typed(territory="440113009901"), status=422)
    with atomic():
        db.session.add(
            Grant(
                account_id=mine.id,
                role=Role.district,
                territory_id=places["district"].id,
                from_on=there.valid_from or clock.today(),
            )
        )
    text = client.get(page_of(mine), status=200, headers=ENGLISH).get_data(as_text=True)
    assert "rights outside your reach" in text
    client.submit(f"{page_of(mine)}/close", page=page_of(mine), status=403)
    client.submit(f"{page_of(mine)}/password", page=page_of(mine), status=403)
    wide = next(grant for grant in queries.grants_of(mine.id) if grant.role is Role.district)
    client.submit(f"{page_of(mine)}/grants/{wide.id}/end", page=page_of(mine), status=403)


def test_an_administrator_bound_to_an_organisation_gives_only_for_it(client, make_account, sign_in, places):
    with atomic():
        own = Organisation(code="O-A", kind=OrganisationKind.agency, name_zh="甲", name_en="A")
        db.session.add_all([own, Organisation(code="O-B", kind=OrganisationKind.agency, name_zh="乙", name_en="B")])
    sign_in(client, make_account(role=Role.administrator, organisation=own))
    page = client.get(NEW).get_data(as_text=True)
    assert 'value="O-A"' in page
    assert 'value="O-B"' not in page
    text = client.submit(NEW, typed(), status=403, headers=ENGLISH).get_data(as_text=True)
    assert "does not reach this territory or organisation" in text
    client.submit(NEW, typed(organisation="O-A"), status=200)


def test_rights_are_given_and_ended_on_the_account(client, admin, make_account):
    account = make_account(name="Bohai")
    fields = {"role": "moderator", "territory": "440113010", "organisation": "", "from_on": "2026-11-25", "to_on": "2026-12-31"}
    url = page_of(account)
    client.submit(f"{url}/grants", fields, page=url, status=303)
    client.submit(f"{url}/grants", fields, page=url, status=409)
    client.submit(f"{url}/grants", {**fields, "role": ""}, page=url, status=422)
    grant = queries.grants_of(account.id)[0]
    text = client.get(url, status=200, headers=ENGLISH).get_data(as_text=True)
    assert "Until Thu 31 Dec 2026" in text
    ending = f"{url}/grants/{grant.id}/end"
    two_windows = [hidden_fields(client.get(ending, status=200).get_data(as_text=True), ending) for _window in range(2)]
    client.post(ending, data=two_windows[0], status=303)
    told = client.post(ending, data=two_windows[1], status=409, headers=ENGLISH).get_data(as_text=True)  # the second is told
    assert "This right has ended already." in told
    client.submit(f"{url}/grants/999/end", page=url, status=404)


def test_closing_shows_what_ends_and_cannot_be_done_to_oneself(client, admin, make_account):
    account = make_account(role=Role.clerk, name="Leaving")
    url = page_of(account)
    assert "Window clerk" in client.get(f"{url}/close", status=200, headers=ENGLISH).get_data(as_text=True)
    client.submit(f"{url}/close", page=f"{url}/close", status=303)
    text = client.get(url, status=200, headers=ENGLISH).get_data(as_text=True)
    assert "This account was closed on" in text
    client.submit(f"{url}/close", page="/account/", status=303)
    client.submit(f"{url}/password", page="/account/", status=303)
    assert "Leaving" not in client.get(LIST).get_data(as_text=True)
    assert "Leaving" in client.get(f"{LIST}?state=closed", status=200).get_data(as_text=True)
    own = page_of(admin)
    assert "This is your own account." in client.get(own, status=200, headers=ENGLISH).get_data(as_text=True)
    client.get(f"{own}/close", status=403)


def test_a_new_first_password_signs_out_and_may_forget_the_phone(client, admin, make_account, app_of):
    account = make_account(role=Role.clerk)
    app_of(account)
    url, login = page_of(account), account.login
    text = client.submit(f"{url}/password", {"issue-forget_app": "y"}, page=url, status=200).get_data(as_text=True)
    first = re.search(r"([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})", text).group(1)
    assert type_in(client.application.test_client(), login, first).location == "/account/second-step/set-up"


def test_filters_words_and_pages(client, admin, make_account, as_actor, monkeypatch):
    make_account(role=Role.clerk, login="aling", name="窗口 阿玲")
    make_account(role=Role.auditor, login="bohai", name="黄伯海")

    def names(query):
        return [
            n
            for n in ("阿玲", "黄伯海", "Chen Zhiyuan")
            if f">{n}</a></th>" in client.get(LIST + query, status=200).get_data(as_text=True).replace("窗口 ", "")
        ]

    assert names("?q=ALING") == ["阿玲"]
    assert names("?q=伯海") == ["黄伯海"]
    assert names("?q=%25") == []
    assert names("?role=auditor") == ["黄伯海"]
    assert names("?role=emperor&page=x") == ["阿玲", "黄伯海", "Chen Zhiyuan"]
    monkeypatch.setattr(queries.desk, "PAGE", 2)
    monkeypatch.setattr("civic.accounts.views.desk.PAGE", 2)
    assert "page=2" in client.get(LIST).get_data(as_text=True)
    assert len(queries.list_accounts(queries.viewer_of(_signed(admin)), page=2)[0]) == 1
    client.get(f"{LIST}?page=2", status=200)
    client.get(f"{LIST}?q=zzz", status=200)
    client.get(f"{LIST}?state=closed", status=200)


def _signed(account):
    from tests.conftest import NOW

    return queries.SignedIn("session", 0, account.id, account.name, "", NOW, NOW, True)


def test_fifty_accounts_cost_as_many_statements_as_two(client, admin, make_account, count_queries):
    make_account(role=Role.clerk)
    client.get(LIST, status=200)  # what a process remembers is read now
    with count_queries() as few:
        client.get(LIST, status=200)
    for _number in range(20):
        make_account(role=Role.clerk)
    with count_queries() as many:
        client.get(LIST, status=200)
    assert len(many) == len(few) <= 25


def test_the_desk_offers_accounts_and_the_log_to_those_who_may(client, make_account, viewer_of, site):
    from civic.accounts.module import manifest

    module = manifest()
    with site.test_request_context("/"):
        offered = {role: [link.href for link in module.desk_actions(viewer_of(make_account(role=role)))] for role in Role}
    assert offered.pop(Role.administrator) == [LIST, "/desk/connections/"]
    assert offered.pop(Role.auditor) == ["/desk/connections/"]
    assert offered.pop(Role.manager) == ["/desk/colleagues/"]
    assert not any(offered.values())


def test_closing_is_told_when_a_colleague_was_faster(client, admin, make_account, as_actor):
    account = make_account(role=Role.clerk)
    url = page_of(account)
    operations.close_account(as_actor(admin), account.id)
    client.submit(f"{url}/close", page="/account/", status=303, headers=ENGLISH)
    assert "This account is closed." in client.get(url, headers=ENGLISH).get_data(as_text=True)
