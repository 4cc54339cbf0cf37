"""An administrator at work on organisations: list with filters, new, edit, end; never outside her territory."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.viewer import Role
from civic.territory.models import Organisation

EN = {"Accept-Language": "en"}


def text(response) -> str:
    return response.get_data(as_text=True)


@pytest.fixture
def place(make_community):
    return make_community()


@pytest.fixture
def district_admin(place, signed_in_as):
    return signed_in_as(Role.administrator, "/T001/")


def form(**values: str) -> dict[str, str]:
    return {"kind": "company", "name_zh": "禺水公司", "name_en": "Yushui Company", "role_code": "", **values}


def test_the_list_filters_by_kind_words_and_end(client, district_admin, place, make_organisation):
    make_organisation("company", territory=place, name_zh="禺水公司", code="O-WATER")
    make_organisation("charity", territory=place, name_zh="慈善会", code="O-CHARITY")
    make_organisation("department", name_zh="民政局", code="B-MZJ")
    make_organisation("company", territory=place, code="O-GONE", valid_to=date(2026, 1, 1))
    page = text(client.get("/desk/organisations/", status=200))
    assert all(code in page for code in ("O-WATER", "O-CHARITY", "B-MZJ"))
    assert "O-GONE" not in page
    page = text(client.get("/desk/organisations/?kind=company", status=200))
    assert "O-WATER" in page
    assert "O-CHARITY" not in page
    assert "O-CHARITY" in text(client.get("/desk/organisations/?q=慈善", status=200))
    assert "O-WATER" not in text(client.get("/desk/organisations/?q=%25_慈善", status=200))
    assert "O-GONE" in text(client.get("/desk/organisations/?ended=1", status=200))
    assert 'class="empty"' in text(client.get("/desk/organisations/?q=nothing&kind=planet&from=-5", status=200))


def test_long_lists_have_pages_and_few_questions(client, district_admin, place, make_organisation, count_queries):
    for _ in range(60):
        make_organisation("company", territory=place)
    with count_queries() as statements:
        page = text(client.get("/desk/organisations/?kind=company", status=200, headers=EN))
    assert "1 to 50 of 60" in page
    assert "from=50" in page
    assert len(statements) <= 25
    assert "51 to 60 of 60" in text(client.get("/desk/organisations/?kind=company&from=50", status=200, headers=EN))


def test_an_administrator_of_a_town_sees_only_its_own(client, make_territory, make_community, make_organisation, signed_in_as):
    street, other = make_territory("street"), make_territory("street")
    make_organisation("company", territory=make_community(street), code="O-IN")
    make_organisation("company", territory=other, code="O-OUT")
    make_organisation("department", code="B-ALL")
    signed_in_as(Role.administrator, street.path)
    page = text(client.get("/desk/organisations/", status=200))
    assert "O-IN" in page
    assert "O-OUT" not in page
    assert "B-ALL" not in page
    client.get("/desk/organisations/O-IN", status=200)
    for code in ("O-OUT", "B-ALL"):
        client.get(f"/desk/organisations/{code}", status=403)
        client.get(f"/desk/organisations/{code}/end", status=403)
    client.submit("/desk/organisations/new", form(code="O-NEW", territory_code=other.code), status=403)
    client.submit("/desk/organisations/new", form(code="O-NEW"), status=403)
    client.submit("/desk/organisations/O-IN", form(territory_code=other.code), status=403)
    client.submit("/desk/organisations/new", form(code="O-NEW", territory_code=street.code), status=303)


def test_a_grant_bound_to_an_organisation_shows_nothing(client, place, make_organisation, signed_in_as):
    make_organisation("company", territory=place, code="O-IN")
    signed_in_as(Role.administrator, "/T001/", frozenset({1}))
    assert "O-IN" not in text(client.get("/desk/organisations/", status=200))


def test_others_are_turned_away(client, signed_in_as):
    signed_in_as(Role.manager, "/")
    client.get("/desk/organisations/", status=403)


def test_a_new_one_is_added_with_role_and_parent(client, district_admin, place, make_organisation):
    make_organisation("role", code="B-O-GSD", name_zh="属地供水单位")
    make_organisation("town_office", code="O-ZF", territory=place)
    page = text(client.get("/desk/organisations/new", status=200))
    assert "B-O-GSD" in page
    assert "O-ZF" in page
    assert place.code in page
    new = form(code="O-NEW", territory_code=place.code, parent_code="O-ZF", role_code="B-O-GSD", valid_from="2026-01-01")
    assert client.submit("/desk/organisations/new", new, status=303).location == "/desk/organisations/O-NEW"
    page = text(client.get("/desk/organisations/O-NEW", status=200))
    assert 'value="O-ZF"' in page
    assert 'value="2026-01-01"' in page


def test_a_refused_form_keeps_what_was_typed(client, district_admin, place, make_organisation):
    make_organisation("company", code="O-1", territory=place)
    page = text(client.submit("/desk/organisations/new", form(code="O-1"), status=422))
    assert "code-error" in page
    assert 'value="O-1"' in page
    page = text(client.submit("/desk/organisations/new", form(code="O-2", territory_code="NO", kind="planet"), status=422))
    assert "kind-error" in page
    assert "territory_code-error" in text(client.submit("/desk/organisations/new", form(code="O-2", territory_code="NO"), status=422))
    assert "parent_code-error" in text(client.submit("/desk/organisations/O-1", form(parent_code="NO"), status=422))
    assert "parent_code-error" in text(client.submit("/desk/organisations/O-1", form(parent_code="O-1"), status=422))


def test_of_two_editors_the_second_sees_both(client, district_admin, place, make_organisation):
    make_organisation("company", code="O-1", territory=place, name_zh="旧名")
    client.submit("/desk/organisations/O-1", form(name_zh="甲名", territory_code=place.code), status=303)
    late = form(name_zh="乙名", base="1", territory_code=place.code)
    page = text(client.submit("/desk/organisations/O-1", late, status=409))
    assert "甲名" in page
    assert 'value="乙名"' in page
    client.submit("/desk/organisations/O-1", {**late, "base": "2"}, status=303)
    assert db.session.scalar(sa.select(Organisation.name_zh)) == "乙名"


def test_it_ends_with_a_successor(client, district_admin, place, make_organisation):
    make_organisation("company", code="O-OLD", territory=place, valid_from=date(2020, 1, 1))
    make_organisation("company", code="O-HEIR", territory=place, name_zh="继承公司")
    end = "/desk/organisations/O-OLD/end"
    assert "last_on-error" in text(client.submit(end, {"last_on": ""}, status=422))
    assert "last_on-error" in text(client.submit(end, {"last_on": "2019-12-31"}, status=422))
    assert "successor_code-error" in text(client.submit(end, {"last_on": "2026-12-31", "successor_code": "NO"}, status=422))
    client.submit(end, {"last_on": "2026-12-31", "successor_code": "O-HEIR"}, status=303)
    assert "继承公司" in text(client.get("/desk/organisations/O-OLD", status=200))
    page = text(client.submit(end, {"last_on": "2027-01-01", "base": "1"}, status=409))
    assert "2026-12-31" in page
    assert 'value="2027-01-01"' in page
    assert 'value="O-HEIR"' in text(client.get(end, status=200))
