"""The gate before every view: its mark decides, and a view without one is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.exceptions import NotFound

from civic.core import clock, viewer
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import NotAllowed
from civic.core.site import FeatureSwitch, SiteMark
from civic.core.viewer import Role, Scope, Viewer
from civic.core.web import access


@pytest.fixture
def look_as(site, monkeypatch):
    def become(*roles: Role, account: int | None = 1) -> None:
        someone = Viewer(account_id=account, name="x", scopes=tuple(Scope(role, "/440113/") for role in roles))
        monkeypatch.setattr(site.extensions["civic"].hooks, "build_viewer", lambda: someone)

    return become


def test_a_view_without_a_mark_is_refused_for_everybody(client, look_as):
    client.get("/pigeons/unmarked", status=403)
    look_as(Role.administrator)
    client.get("/pigeons/unmarked", status=403)


def test_a_public_view_is_open(client):
    client.get("/pigeons/", status=200)


@pytest.mark.parametrize(
    ("address", "status"), [("/pigeons/%00", 404), ("/pigeons/?q=a%00b", 400), ("/pigeons/?q=%2500", 200), ("/%00", 404)]
)
def test_a_sign_that_no_text_can_keep_is_in_no_address(client, address, status):
    """PostgreSQL refuses U+0000 in every text: asked for, it would break the page."""
    client.get(address, status=status, check=False)


def test_a_door_that_needs_an_account_asks_a_visitor_to_sign_in_and_remembers_where(client):
    answer = client.get("/pigeons/mine?a=1", status=303)
    assert "next=" in answer.headers["Location"]
    assert "pigeons" in answer.headers["Location"]


def test_a_door_that_needs_an_account_opens_for_any(client, look_as):
    look_as()
    client.get("/pigeons/mine", status=200)


@pytest.mark.parametrize(
    ("roles", "status"),
    [((), 403), ((Role.clerk,), 403), ((Role.manager,), 200), ((Role.clerk, Role.town), 200), ((Role.administrator,), 403)],
)
def test_a_door_for_staff_opens_by_role(client, look_as, roles, status):
    look_as(*roles)
    client.get("/pigeons/loft", status=status)


def test_staff_who_are_not_signed_in_are_asked_to(client):
    client.get("/pigeons/loft", status=303)


def switch_off(territory: str = "", days: int = 0) -> None:
    with atomic():
        db.session.add(FeatureSwitch(feature="pigeons", territory=territory, from_on=clock.today() + timedelta(days=days), is_off=True))


@pytest.mark.parametrize("path", ["/pigeons/", "/pigeons/mine", "/pigeons/loft", "/pigeons/unmarked", "/api/v1/pigeons"])
def test_a_feature_that_is_off_is_not_there(client, look_as, path):
    look_as(Role.manager)
    switch_off()
    client.get(path, status=404)
    client.get("/kites/", status=200)


def test_a_feature_off_from_tomorrow_is_there_today(client):
    switch_off(days=1)
    client.get("/pigeons/", status=200)


def test_off_in_a_territory_concerns_whoever_chose_it(client, monkeypatch):
    monkeypatch.setattr(client.application.extensions["civic"].hooks, "path_of", {"C1": "/440113/C1/", "C2": "/440113/C2/"}.get)
    switch_off("/440113/C1/")
    for place, status in (("C1", 404), ("C2", 200)):
        client.set_cookie("civic_place", place)
        client.get("/pigeons/", status=status)


def test_a_policy_that_says_no_is_403_and_where_existence_is_private_404(site):
    no = lambda _who, row: row == "mine"  # noqa: E731
    access.authorize(no, viewer.NOBODY, "mine")
    access.hidden(no, viewer.NOBODY, "mine")
    with pytest.raises(NotAllowed):
        access.authorize(no, viewer.NOBODY, "yours")
    with pytest.raises(NotFound):
        access.hidden(no, viewer.NOBODY, "yours")


def test_what_is_not_in_the_database_is_404(site):
    with pytest.raises(NotFound):
        access.get_or_404(sa.select(SiteMark))
    with atomic():
        db.session.add(SiteMark(name="a", value="1"))
    assert access.get_or_404(sa.select(SiteMark)).name == "a"


# role x territory x organisation, as a truth table
@pytest.mark.parametrize(
    ("path", "organisation", "allowed"),
    [
        ("/440113/", None, False),
        ("/440113/T1/", None, False),
        ("/440113/T1/", 3, True),
        ("/440113/T1/C1/", 4, True),
        ("/440113/T1/C1/", 5, False),
        ("/440113/T11/", 3, False),
    ],
)
def test_a_grant_is_an_intersection(path, organisation, allowed):
    who = Viewer(account_id=1, scopes=(Scope(Role.handler, "/440113/T1/", frozenset({3, 4})),))
    assert who.holds(Role.handler, path, organisation) is allowed
    assert not who.holds(Role.clerk, path, organisation)


def test_what_a_viewer_says_of_her_grants():
    who = Viewer(
        account_id=1,
        scopes=(Scope(Role.handler, "/a/b/", frozenset({3})), Scope(Role.handler, "/a/", frozenset({4})), Scope(Role.clerk, "/a/")),
    )
    assert who.organisations(Role.handler) == {3, 4}
    assert who.territories(Role.handler, Role.clerk) == ("/a/", "/a/b/")
    assert (who.works, who.is_signed_in, viewer.NOBODY.works, viewer.NOBODY.is_signed_in) == (True, True, False, False)


def test_outside_a_request_nobody_looks(site):
    assert viewer.viewer() is viewer.NOBODY


def test_a_visitor_cannot_act(site):
    with site.test_request_context("/"), pytest.raises(ValueError, match="account or a named job"):
        viewer.actor()
