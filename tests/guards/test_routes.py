"""Every route says who may open it, and what is open to everybody is written down here with a reason."""

from __future__ import annotations

import pytest

from civic.app import create_app
from civic.core.web.access import access_of
from tests.conftest import settings_for

#: routes that change something and are open to visitors: a sign-in, a token; each is counted against floods and guessing
PUBLIC_WRITES = ("accounts.", "accounts_api.", "tokens.", "front.", "bulletin_part.", "api-bulletin.", "inbox.end_mail")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The site as it is served, without the test features."""
    folder = tmp_path_factory.mktemp("routes")
    return create_app(settings_for(f"sqlite:///{folder / 'x.db'}", folder))


def test_every_route_has_a_mark(plain):
    bare = [f"{rule.endpoint} {rule.rule}" for rule in plain.url_map.iter_rules() if access_of(plain.view_functions[rule.endpoint]) is None]
    assert bare == []


def test_only_a_few_doors_for_visitors_write(plain):
    open_writes = [
        rule.endpoint
        for rule in plain.url_map.iter_rules()
        if rule.methods & {"POST", "PUT", "PATCH", "DELETE"} and access_of(plain.view_functions[rule.endpoint]).kind == "public"
    ]
    assert [endpoint for endpoint in open_writes if not endpoint.startswith(PUBLIC_WRITES)] == []


def test_doors_for_staff_name_at_least_one_role(plain):
    for endpoint, view in plain.view_functions.items():
        mark = access_of(view)
        assert mark.kind != "staff" or mark.roles, endpoint


def test_no_two_routes_answer_the_same_address(plain):
    seen = {}
    for rule in plain.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            assert (rule.rule, method) not in seen, f"{rule.endpoint} and {seen.get((rule.rule, method))} both answer {method} {rule.rule}"
            seen[rule.rule, method] = rule.endpoint


def test_every_blueprint_belongs_to_a_module(plain):
    registry = plain.extensions["civic"].registry
    core = {"docs", "api-docs"}
    assert [name for name in plain.blueprints if name not in core and registry.module_of(name) is None] == []


def test_the_api_takes_no_cookie(plain):
    """Resources live under one prefix, where the token alone says who asks."""
    for rule in plain.url_map.iter_rules():
        module = plain.extensions["civic"].registry.module_of(rule.endpoint.rsplit(".", 1)[0])
        names = {b.name for b in module.api} if module else set()
        if rule.endpoint.rsplit(".", 1)[0] in names:
            assert rule.rule.startswith("/api/v1/"), rule.rule
