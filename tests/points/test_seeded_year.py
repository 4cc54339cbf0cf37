"""The demonstration's year of points: made by civic's own functions, whole by every check, with every kind of thing in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from civic.app import create_app
from civic.commands.checking import check
from civic.commands.demo import seed_demo
from civic.core import clock, freshness
from civic.core.closes import Close
from civic.core.db import db
from civic.core.registry import the_registry
from civic.exchange.models import Exchange, ExchangeState
from civic.points.models import (
    Earning,
    Hint,
    Hold,
    HoldState,
    Policy,
    PolicyState,
    Proposal,
    ProposalKind,
    ProposalState,
    Reason,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletKind,
    WalletState,
)
from tests.conftest import NOW, settings_for
from tests.support import features


@pytest.fixture(scope="module")
def demonstration(built_url: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The demonstration as `civic seed demo` makes it, once for all tests here; nobody changes it."""
    made = create_app(settings_for(built_url("sqlite", "seeded_year"), tmp_path_factory.mktemp("seeded_year")), extra=features.modules())
    freshness.forget()
    with clock.frozen(NOW), made.app_context():
        seed_demo()
        db.session.remove()
    yield made
    freshness.forget()
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def year(demonstration: Flask) -> Iterator[Flask]:
    with clock.frozen(NOW), demonstration.app_context():
        yield demonstration
        db.session.remove()


def counted(column: Any, *where: Any) -> dict[Any, int]:
    """How many rows there are of each value."""
    return dict(db.session.execute(sa.select(column, sa.func.count()).where(*where).group_by(column)).all())


def of(kind: WalletKind) -> sa.Select[Any]:
    """The vintages of wallets of a kind."""
    return sa.select(Vintage.id).join(Wallet, Wallet.id == Vintage.wallet_id).where(Wallet.kind == kind)


def test_every_check_of_every_module_finds_nothing(year):
    """What `civic check` runs: each of them, and the command itself."""
    checks = the_registry().all_of("checks")
    assert {"points: causes", "closes of points", "terms of exchanges", "audit chain"} <= {each.name for each in checks}
    found = {each.name: [(v.table, v.row, v.what) for v in each.run()] for each in checks}
    assert {name: faults for name, faults in found.items() if faults} == {}
    told = year.test_cli_runner().invoke(check, [])
    assert (told.exit_code, "FAULT" in told.output) == (0, False), told.output


def test_a_ledger_of_a_year_has_rows_of_every_reason(year):
    """Left out: what needs a death or merge (moved), debts (recovered), or rules under which years run out (expired)."""
    reasons = counted(Transfer.reason)
    assert set(Reason) - set(reasons) == {Reason.moved, Reason.recovered, Reason.expired}
    assert set(counted(Transfer.kind)) == set(TransferKind)
    days = {clock.local(at).date() for at in db.session.scalars(sa.select(Transfer.at))}
    assert (max(days) - min(days)).days > 365
    assert max(days) == clock.today() or (clock.today() - max(days)).days < 10


def test_what_flowed_over_did_so_at_the_cap_and_as_a_gift(year):
    details = db.session.scalars(sa.select(Transfer.detail).where(Transfer.reason == Reason.overflow)).all()
    assert {why for why in ("cap", "donated") for detail in details if f'"why": "{why}"' in detail} == {"cap", "donated"}
    assert db.session.scalar(sa.select(sa.func.max(Vintage.balance))) <= 1_500_00


def test_a_household_was_given_to_and_gave(year):
    gifts = (Transfer.reason == Reason.donated,)
    assert counted(Transfer.reason, *gifts, Transfer.credit_id.in_(of(WalletKind.household)))
    assert counted(
        Transfer.reason, *gifts, Transfer.debit_id.in_(of(WalletKind.household)), Transfer.credit_id.in_(of(WalletKind.care_pool))
    )


def test_proposals_of_every_kind_were_asked_for_and_decided_by_another(year):
    rows = db.session.execute(sa.select(Proposal.kind, Proposal.state, Proposal.from_pool, Proposal.maker_id, Proposal.checker_id)).all()
    assert {row.kind for row in rows if row.state is ProposalState.done} == set(ProposalKind)
    assert {row.from_pool for row in rows if row.kind is ProposalKind.grant and row.state is ProposalState.done} == {True, False}
    assert {ProposalState.waiting, ProposalState.refused} <= {row.state for row in rows}
    assert all(row.maker_id != row.checker_id for row in rows)


def test_holds_ended_in_every_way_and_some_are_open(year):
    assert set(counted(Hold.state)) == set(HoldState)
    assert counted(Hold.state, Hold.posted > 0, Hold.posted < Hold.amount)  # a part was spent, the rest came back


def test_hours_were_corrected_and_a_second_version_of_the_rules_counts(year):
    assert counted(Earning.revision)[2] > 0
    versions = db.session.execute(sa.select(Policy.id, Policy.state, Policy.from_on).order_by(Policy.from_on)).all()
    assert [row.state for row in versions] == [PolicyState.adopted] * 2
    assert versions[1].from_on < clock.today()
    assert set(counted(Transfer.policy_id)) == {row.id for row in versions}


def test_a_wallet_is_frozen_and_a_hint_says_what_somebody_looked_at(year):
    frozen = db.session.execute(sa.select(Wallet.id, Wallet.state_why).where(Wallet.state == WalletState.frozen)).all()
    assert [row.state_why for row in frozen] == ["suspicion"]
    subjects = db.session.scalars(sa.select(Hint.subject)).all()
    assert any(subject.startswith(f"wallet:{frozen[0].id}:") for subject in subjects)


def test_exchanges_stand_in_every_state(year):
    assert set(counted(Exchange.state)) == set(ExchangeState)


def test_every_day_of_the_year_is_closed(year):
    numbers = db.session.scalars(sa.select(Close.number).where(Close.book == "points").order_by(Close.number)).all()
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 365


def test_a_second_run_changes_nothing(demonstration):
    """Last of all, because it would write."""
    with clock.frozen(NOW), demonstration.app_context():
        before = db.session.scalar(sa.select(sa.func.max(Transfer.id))), counted(Proposal.state), counted(Hint.state)
        seed_demo()
        assert (db.session.scalar(sa.select(sa.func.max(Transfer.id))), counted(Proposal.state), counted(Hint.state)) == before
        db.session.remove()
