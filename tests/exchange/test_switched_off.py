"""The feature off: its pages and programs vanish, points stay right, and what runs goes on once it is on again."""

from __future__ import annotations

import pytest

from civic.core import clock, features
from civic.core.db import db
from civic.core.registry import the_registry
from civic.core.viewer import Role
from civic.exchange.models import ExchangeState
from civic.exchange.module import manifest
from civic.exchange.operations import settle_all_due
from civic.scheduler import all_jobs
from tests.support.catalogue import TESTER
from tests.support.exchange import later

MODULE = manifest()
SILENT_DAYS = 7  # of the rules in force


def switch(is_off: bool) -> None:
    features.switch_feature(TESTER, MODULE, "", clock.today(), is_off=is_off)


def doors(site) -> list[str]:
    """Every address of the feature that needs no value of its own."""
    its = {blueprint.name for blueprint in (*MODULE.blueprints, *MODULE.api)}
    rules = [rule for rule in site.url_map.iter_rules() if rule.endpoint.partition(".")[0] in its]
    return sorted({rule.rule for rule in rules if not rule.arguments and "GET" in (rule.methods or ())})


def test_none_of_its_doors_opens_and_no_page_names_them(site, client, two, web, make_account, sign_in):
    worker = site.test_client()
    sign_in(worker, make_account(role=Role.social_worker, territory=two.li.place))
    assert 'href="/exchange' in web.page(client, "/")
    assert 'href="/desk/exchange' in worker.get("/desk/", status=200).get_data(as_text=True)
    assert len(doors(site)) > 5
    switch(is_off=True)
    for address in doors(site):
        for who in (client, web.li, worker):
            assert who.get(address).status_code == 404, address
    for who, address in ((client, "/"), (web.li, "/account/"), (web.li, "/points/"), (worker, "/desk/"), (client, "/search?q=教")):
        text = who.get(address, status=200).get_data(as_text=True)
        assert 'href="/exchange' not in text, address
        assert 'href="/desk/exchange' not in text, address
        assert "教老人用手机" not in text, address


@pytest.mark.parametrize("days", [1, 40])
def test_what_was_done_is_paid_when_it_is_on_again(two, days):
    """Nobody can confirm while the pages are gone, and no job runs: silence confirms as soon as it is on, however late."""
    row = two.deliver()
    switch(is_off=True)
    assert "exchange-due" not in {job.name for job in all_jobs(the_registry())}
    with later(days=days):
        assert two.numbers == (8_00, 6_00, 0)
        switch(is_off=False)
        settle_all_due()
        done = days > SILENT_DAYS
        db.session.refresh(row)
        assert row.state is (ExchangeState.confirmed if done else ExchangeState.delivered)
        assert two.numbers == ((6_00, 6_00, 2_00) if done else (8_00, 6_00, 0))
