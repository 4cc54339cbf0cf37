"""Role × territory × organisation at every door of the site: what opens, what is refused, what asks to sign in.

The gate is asked for every route and everybody; behind it each row page is really opened by everybody whom its mark lets in.  A new
route fails here by its name until `doors.py` says which row it opens and for whom.  Rights do not depend on the database: SQLite; what the
views ask of PostgreSQL is asked once for every door.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask_wtf.csrf
import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from civic.accounts import stages
from civic.core.db import db
from civic.core.errors import NotAllowed
from civic.core.viewer import NOBODY, Viewer
from civic.core.web.access import Access, access_of
from civic.points.statement import files
from tests.guards.doors import DOORS, Door, Row
from tests.guards.world import World, make_world
from tests.support.features import modules

on_sqlite = pytest.mark.parametrize("app", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("app", ["postgresql"], indirect=True)
TEST_FEATURES = {name for module in modules() for name in (module.name, f"{module.name}_api")}
SIGN_IN = "/account/sign-in"
REFUSED = {403, 404, 410}  # 410: a link that is not hers is told like one that is over


def rules(app: Any, blueprint: str = "") -> list[tuple[Rule, str]]:
    """Rules with each method that a browser or program sends, those of the test features left out."""
    found = []
    for rule in app.url_map.iter_rules():
        module, _dot, _view = rule.endpoint.rpartition(".")
        if module not in TEST_FEATURES and (not blueprint or module == blueprint):
            found += [(rule, method) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def mark_of(app: Any, rule: Rule) -> Access:
    found = access_of(app.view_functions[rule.endpoint])
    assert found is not None, rule.endpoint
    return found


def door_of(rule: Rule) -> Door:
    module, _dot, view = rule.endpoint.rpartition(".")
    known = DOORS.get(module, {}).get(view)
    assert known is not None, f"doors.py does not know {rule.endpoint}"
    return known


@pytest.fixture
def world(
    site: Any, make_territory: Any, make_organisation: Any, make_account: Any, make_station: Any, make_item: Any, monkeypatch: Any
) -> World:
    monkeypatch.setattr(stages, "is_fresh", lambda _account: True)  # no page asks for the password once more
    monkeypatch.setattr(flask_wtf.csrf, "validate_csrf", lambda *_, **__: None)  # a missing token would hide what the view answers
    monkeypatch.setattr(files, "as_pdf", lambda *_: b"%PDF-")  # half a second for each of 44 who may print
    make = {"territory": make_territory, "organisation": make_organisation, "account": make_account}
    return make_world(site, {**make, "station": make_station, "item": make_item})


@on_sqlite
def test_every_route_has_its_line_in_the_table_of_doors(app):
    routes = {rule.endpoint for rule, _method in rules(app)}
    table = {f"{module}.{view}" for module, views in DOORS.items() for view in views}
    assert sorted(routes - table) == [], "routes that doors.py does not know"
    assert sorted(table - routes) == [], "lines of doors.py without a route"


@on_sqlite
def test_every_address_with_a_part_names_its_row(app):
    assert sorted({rule.endpoint for rule, _method in rules(app) if rule.arguments and not door_of(rule).row}) == []


# ---- the gate: everybody at every door --------------------------------------------------------------------------------------
def asked_at_the_gate(app: Any, rule: Rule, method: str) -> str:
    """open, sign-in or refused, as the gate alone says."""
    values = {name: fitting(rule._converters[name]) for name in rule.arguments}
    with app.app_context(), app.test_request_context(rule.build(values)[1], method=method):  # type: ignore[index]
        try:
            answer = app.preprocess_request()
        except NotAllowed:
            return "refused"
        except HTTPException as error:
            return "open" if error.code == 400 else str(error.code)  # 400: past the gate, then the missing token
        if answer is None:
            return "open"
        return "sign-in" if answer.status_code == 401 or SIGN_IN in answer.headers.get("Location", "") else str(answer.status_code)


def fitting(converter: Any) -> Any:
    """Something that the part of an address takes; the gate knows no rows."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, IntegerConverter) else "x"


def expected_at_the_gate(mark: Access, who: Viewer) -> str:
    if mark.kind == "public":
        return "open"
    if who.account_id is None:
        return "sign-in"
    return "open" if mark.kind == "signed_in" or {s.role for s in who.scopes} & set(mark.roles) else "refused"


@on_sqlite
def test_the_gate_opens_by_role_alone(site, world, monkeypatch):
    everybody = [*world.others(), *world.staff(whole=False)]
    wrong = []
    for rule, method in rules(site):
        for name, who in everybody:
            monkeypatch.setattr(site.extensions["civic"].hooks, "build_viewer", lambda who=who: who)
            answer, wanted = asked_at_the_gate(site, rule, method), expected_at_the_gate(mark_of(site, rule), who)
            if answer != wanted:
                wrong.append(f"{method} {rule.endpoint} for {name}: {answer} instead of {wanted}")
    assert wrong == []


# ---- the rows: everybody whom the mark lets in ------------------------------------------------------------------------------
def visitors_of(mark: Access, world: World) -> Iterator[tuple[str, Viewer]]:
    """Who is worth asking: the cube within the roles of the mark, and those without a grant."""
    yield from world.others()
    if mark.kind == "staff":
        yield from ((name, who) for name, who in world.staff(whole=False) if who.has_role(*mark.roles))


def outcome(client: Any, mark: Access, address: str, method: str, form: dict[str, str]) -> tuple[str, int]:
    """What really answers; whatever was written is undone.  An open door may send to sign in by itself (a step that is over)."""
    connection = db.session.get_bind()
    db.session.remove()
    nested = connection.begin_nested()
    try:
        answer = client.open(address, method=method, data=form if method == "POST" else None, check=False)
    finally:
        db.session.remove()
        nested.rollback()
    sent_away = answer.status_code == 401 or answer.headers.get("Location", "").startswith(SIGN_IN)
    if sent_away:
        return "open" if mark.kind == "public" else "sign-in", answer.status_code
    return ("refused" if answer.status_code in REFUSED else "open"), answer.status_code


def expected(mark: Access, who: Viewer, door: Door, row: Row) -> str:
    gate = expected_at_the_gate(mark, who)
    if gate != "open":
        return gate
    return "open" if door.reach(who, mark.roles, row) else "refused"


@on_sqlite
@pytest.mark.parametrize("blueprint", list(DOORS))
def test_a_row_opens_for_those_whom_its_place_and_organisation_let_in(client, world, monkeypatch, blueprint):
    site, wrong = client.application, []
    for rule, method in rules(site, blueprint):
        mark = mark_of(site, rule)
        for door in door_of(rule).each():
            row = world.row(door.row) if door.row else Row({})
            address = rule_address(rule, row)
            for name, who in visitors_of(mark, world):
                monkeypatch.setattr(site.extensions["civic"].hooks, "build_viewer", lambda who=who: who)
                said, status = outcome(client, mark, address, method, row.form)
                wanted = expected(mark, who, door, row)
                if said != wanted or status >= 500:
                    wrong.append(f"{method} {rule.endpoint} ({door.row}) for {name}: {said} ({status}) instead of {wanted}")
    assert wrong == [], "\n".join(wrong)


@on_postgresql
@pytest.mark.parametrize("blueprint", list(DOORS))
def test_every_door_answers_on_postgresql(client, world, monkeypatch, blueprint):
    """The statements of all views, each for the first whom it opens to: the other tests of pages run there with `--long` alone."""
    site, wrong = client.application, []
    for rule, method in rules(site, blueprint):
        mark = mark_of(site, rule)
        for door in door_of(rule).each():
            row = world.row(door.row) if door.row else Row({})
            allowed = (who for _name, who in visitors_of(mark, world) if expected(mark, who, door, row) == "open")
            if (who := next(allowed, None)) is None:
                continue
            monkeypatch.setattr(site.extensions["civic"].hooks, "build_viewer", lambda who=who: who)
            said, status = outcome(client, mark, rule_address(rule, row), method, row.form)
            if said != "open" or status >= 500:
                wrong.append(f"{method} {rule.endpoint} ({door.row}): {said} ({status})")
    assert wrong == [], "\n".join(wrong)


def rule_address(rule: Rule, row: Row) -> str:
    built = rule.build(dict(row.args), append_unknown=True)
    assert built is not None, f"{rule.endpoint} wants {rule.arguments}, its row gives {row.args}"
    return built[1]


# ---- the test itself --------------------------------------------------------------------------------------------------------
def test_a_right_that_is_too_wide_or_too_narrow_is_noticed(world):
    """A clerk of the neighbours, the own one bound to another organisation, and the own one without: told apart."""
    row, mark = world.row("station"), Access("staff", tuple({role for _n, w in world.staff() for role in [w.scopes[0].role]}))
    door = DOORS["territory_desk"]["show"]
    opens = {name for name, who in world.staff() if name.startswith("manager") and expected(mark, who, door, row) == "open"}
    assert opens == {f"manager of {place}{whose}" for place in ("own", "town", "district") for whose in ("", " ours")}
    assert expected(mark, NOBODY, door, row) == "sign-in"
