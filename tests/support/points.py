"""A programme of points with rules in force, wallets with something in them, and what stands in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points import operations
from civic.points.models import Policy, PolicyState, Programme, Rate, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.territory.models import Territory

RULER = Actor(901)


def adopt(
    programme_id: int,
    number: str = "2026-1",
    from_on: date = date(2026, 1, 1),
    rates: dict[tuple[str, str], int] | None = None,
    **settings: Any,
) -> Policy:
    """Rules in force, without the way over a posting."""
    with atomic():
        policy = Policy(
            programme_id=programme_id, number=number, state=PolicyState.draft, from_on=from_on, maker_id=901, checker_id=902, **settings
        )
        for (service_type, hour_class), rate in (rates or {("*", "*"): 100}).items():
            policy.rates.append(Rate(service_type=service_type, hour_class=hour_class, rate=rate))
        db.session.add(policy)
        db.session.flush()
        policy.state = PolicyState.adopted
    return policy


@pytest.fixture
def programme(place: Territory) -> Programme:
    """The programme of the district in which `make_person` puts people, one point an hour."""
    district = db.session.scalars(sa.select(Territory).where(Territory.code == place.path.split("/")[1])).one()
    found = operations.open_programme(RULER, district.id, "PY", "番禺志愿积分", "Panyu volunteer points")
    adopt(found.id)
    return found


@pytest.fixture
def make_wallet(programme: Programme, make_person: Any) -> Callable[..., int]:
    """The id of a new person's wallet with so many hundredths in it."""
    made = iter(range(1, 10_000))

    def make(points: int = 0, person: Any = None) -> int:
        person = person or make_person()
        if points:
            operations.earn(RULER, f"given:{next(made)}", 1, person.id, points * 60 // 100, clock.today(), "other", "system")
        with atomic():
            return operations.wallet_of_person(programme.id, person.id)

    return make


@pytest.fixture
def next_door(make_territory: Any) -> Programme:
    """The younger programme of another district, one point an hour."""
    district = make_territory("district", code="T9")
    found = operations.open_programme(RULER, district.id, "ND", "邻区志愿积分", "Points next door")
    adopt(found.id)
    return found


def free(wallet_id: int) -> int:
    """Hundredths that may be spent."""
    return int(db.session.scalar(sa.select(sa.func.sum(Vintage.balance - Vintage.held)).where(Vintage.wallet_id == wallet_id)) or 0)


def balance(wallet_id: int) -> int:
    return int(db.session.scalar(sa.select(sa.func.sum(Vintage.balance)).where(Vintage.wallet_id == wallet_id)) or 0)


def summed(programme_id: int, kind: WalletKind) -> int:
    """The balance of a wallet of the programme, from its rows."""
    moving = Transfer.kind.in_([TransferKind.single, TransferKind.post, TransferKind.reversal])
    pots = (
        sa.select(Vintage.id).join(Wallet, Wallet.id == Vintage.wallet_id).where(Wallet.programme_id == programme_id, Wallet.kind == kind)
    )
    came = db.session.scalar(sa.select(sa.func.sum(Transfer.amount)).where(moving, Transfer.credit_id.in_(pots))) or 0
    went = db.session.scalar(sa.select(sa.func.sum(Transfer.amount)).where(moving, Transfer.debit_id.in_(pots))) or 0
    return int(came - went)
