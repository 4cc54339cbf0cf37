"""The desk: a handler's own items, two editors, wrong input kept, a manager's offers, words searched in vain."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from civic.catalogue import operations, policies, queries
from civic.catalogue.forms import ItemForm
from civic.catalogue.models import ServiceItemVersion
from civic.catalogue.operations import ItemText
from civic.core import clock
from civic.core.db import db
from civic.core.misses import count_miss
from civic.core.viewer import Role, Scope, Viewer
from tests.support.catalogue import TESTER, text_of

EN = {"Accept-Language": "en"}
URL = "/desk/items/SI-LG-004"


def text(response):
    return response.get_data(as_text=True)


@pytest.fixture
def desk(client, make_item, make_account, make_organisation, sign_in):
    """A handler of the item's department, signed in, and the item."""
    department = make_organisation("line", code="B-DEPT-LG", name_zh="流管部门", name_en="Migrant Residents Services")
    item = make_item(department=department)
    sign_in(client, make_account(role=Role.handler, organisation=department))
    return client, item


def filled(**changes):
    """What an editor sends: the form as `text_of` would fill it."""
    values = {k: (v.value if hasattr(v, "value") else v) for k, v in vars(text_of()).items() if k not in {"channels", "is_retired"}}
    values["category_id"] = db.session.scalar(sa.select(ServiceItemVersion.category_id))
    more = {
        "channels": ["counter", "online"],
        "materials": "M-001 材料一\nM-002",
        "words_zh": "居住证\n绿卡",
        "words_en": "residence permit",
        "effective_on": "2026-11-25",
    }
    return {**values, **more, "proxy_allowed": "y", **changes}


def test_a_handler_edits_and_visitors_read_it_at_once(desk):
    client, item = desk
    assert "Guangdong residence permit" in text(client.get("/desk/items/", status=200, headers=EN))
    response = client.submit(URL, filled(promised_limit="5", summary_zh="新的一句话"), status=303, headers=EN)
    assert response.headers["Location"] == URL
    view = queries.item_view(item.code)
    assert (view.version.promised_limit, view.version.number, view.summary.zh) == (5, 2, "新的一句话")
    assert "绿卡" in view.words["zh"]
    assert "Saved as version 2" in text(client.get(URL, headers=EN))


def test_the_same_form_sent_twice_makes_one_version(desk):
    client, item = desk
    page = text(client.get(URL))
    hidden = dict(re.findall(r'name="(request_key|csrf_token|base)"[^>]*value="([^"]*)"', page))
    for _ in range(2):
        client.post(URL, data={**filled(promised_limit="5"), **hidden}, status=303)
    assert len(queries.history(item.id)) == 2


def test_a_form_sent_as_it_was_opened_makes_no_version(desk):
    client, item = desk
    for _ in range(2):
        response = client.submit(URL, filled(promised_limit="5"), status=303)
        assert response.headers["Location"] == URL
    assert len(queries.history(item.id)) == 2


def test_the_form_says_what_the_item_says(site, desk):
    _client, item = desk
    view = queries.item_view(item.code)
    with site.test_request_context():
        form = ItemForm(formdata=None)
        form.fill(view)
        said = form.words()
    assert form.text() == ItemText.of(view.version)
    assert {"zh": list(said.said_zh), "en": list(said.said_en)} == view.words
    assert (said.summary_zh, said.summary_en) == (view.summary.zh, view.summary.en)


def test_the_second_editor_sees_both_versions_and_loses_nothing(desk):
    client, item = desk
    page = text(client.get(URL))
    hidden = dict(re.findall(r'name="(request_key|csrf_token|base)"[^>]*value="([^"]*)"', page))
    view = queries.item_view(item.code)
    words = operations.Words(("居住证",), ("residence permit",))
    operations.edit_item(
        TESTER,
        item.id,
        1,
        text_of(category_id=view.version.category_id, promised_limit=7),
        ("M-001",),
        "",
        (),
        words,
        view.version.effective_on,
        "",
    )
    shown = text(client.post(URL, data={**filled(promised_limit="5"), **hidden}, status=409, headers=EN))
    assert "A colleague saved another version" in shown
    assert re.search(r"<td[^>]*>7</td>\s*<td[^>]*>5</td>", shown)
    again = dict(re.findall(r'name="(request_key|csrf_token|base)"[^>]*value="([^"]*)"', shown))
    assert again["base"] == "2"
    client.post(URL, data={**filled(promised_limit="5"), **again}, status=303)


def test_wrong_input_is_told_at_the_field_and_kept(desk):
    client, item = desk
    emoji = "居住证🦆㙓𠮷"
    response = client.submit(
        URL, filled(name_zh=emoji, name_en="", legal_limit="many", fee_zh="免" * 10_000, words_zh="长" * 121), status=422, headers=EN
    )
    page = text(response)
    assert emoji in page
    assert "This cannot be empty" in page
    assert "At most 200 characters; there are 10000" in page
    assert page.count('aria-invalid="true"') >= 4
    assert len(queries.history(item.id)) == 1


def test_a_rule_says_no_at_its_field(desk):
    client, _ = desk
    page = text(client.submit(URL, filled(materials="M-404"), status=422, headers=EN))
    assert "No material has the code M-404" in page
    page = text(client.submit(URL, filled(effective_on="2026-11-24"), status=422, headers=EN))
    assert "is over" in page


def test_another_department_is_refused(client, make_item, make_account, make_organisation, sign_in):
    make_item()
    sign_in(client, make_account(role=Role.handler, organisation=make_organisation("line", code="B-DEPT-YB")))
    client.get(URL, status=403)
    client.post(URL, data={}, status=400)
    assert "Guangdong" not in text(client.get("/desk/items/", status=200, headers=EN))


def test_visitors_are_asked_to_sign_in(client, make_item):
    make_item()
    client.get(URL, status=303)


def test_a_manager_takes_an_item_off_the_stations_list(client, make_item, make_account, make_station, sign_in):
    make_item()
    make_item("SI-LG-005")
    station, elsewhere = make_station(), make_station()
    sign_in(client, make_account(role=Role.manager, territory=station.territory))
    url = f"/desk/offers/{station.code}"
    ids = {c.code: c.id for c in queries.overview().cards.values()}
    client.submit(url, {"shown": list(ids.values()), "offered": [ids["SI-LG-005"]]}, status=303)
    assert queries.overview().withheld == {"SI-LG-004": frozenset({station.territory.code})}
    client.get(f"/services/?place={station.territory.code}", status=303)
    assert "Not offered at the station" in text(client.get("/services/?q=居住证", headers=EN))
    page = text(client.get("/services/SI-LG-004", headers=EN))
    assert "does not offer this service" in page
    assert elsewhere.name_en in page
    client.submit(url, {"shown": list(ids.values()), "offered": list(ids.values())}, status=303)
    assert queries.overview().withheld == {}


def test_another_communitys_manager_is_refused(client, make_item, make_account, make_station, make_community, sign_in):
    station = make_station()
    sign_in(client, make_account(role=Role.manager, territory=make_community()))
    client.get(f"/desk/offers/{station.code}", status=403)


def test_an_administrator_reads_words_searched_in_vain(client, make_account, sign_in):
    for day in (23, 24, 25):
        with clock.frozen(datetime(2026, 11, day, 2, tzinfo=UTC)):
            count_miss("量子计算机", "zh")
    count_miss("王小芳", "zh")
    sign_in(client, make_account(role=Role.administrator))
    page = text(client.get("/desk/searches/", status=200))
    assert "量子计算机" in page
    assert "h1." not in page


OWN, OTHER = 7, 8


@pytest.mark.parametrize(
    ("viewer", "allowed"),
    [
        (Viewer(), False),
        (Viewer(1, scopes=(Scope(Role.handler, "/440113/", frozenset({OWN})),)), True),
        (Viewer(1, scopes=(Scope(Role.handler, "/440113/", frozenset({OTHER})),)), False),
        (Viewer(1, scopes=(Scope(Role.handler, "/440113/"),)), False),
        (Viewer(1, scopes=(Scope(Role.manager, "/440113/"),)), False),
        (Viewer(1, scopes=(Scope(Role.administrator, "/440113/"),)), True),
        (Viewer(1, scopes=(Scope(Role.administrator, "/440113/440113010/440113010901/"),)), False),
        (Viewer(1, scopes=(Scope(Role.administrator, "/440113/", frozenset({OTHER})),)), False),
        (Viewer(1, scopes=(Scope(Role.auditor, "/440113/"),)), False),
    ],
)
def test_who_may_edit_an_item(viewer, allowed):
    assert policies.can_edit_item(viewer, OWN) is allowed


@pytest.mark.parametrize(
    ("role", "territory", "allowed"),
    [
        (Role.manager, "/440113/1/2/", True), (Role.manager, "/440113/1/", True), (Role.manager, "/440113/1/3/", False),
        (Role.administrator, "/440113/", True), (Role.handler, "/440113/", False), (Role.clerk, "/440113/1/2/", False),
    ],
)  # fmt: skip
def test_who_may_choose_what_a_station_offers(role, territory, allowed):
    assert policies.can_choose_offers(Viewer(1, scopes=(Scope(role, territory),)), "/440113/1/2/") is allowed
