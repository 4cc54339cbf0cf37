"""What an operation sees of the ledger: wallets under lock, their vintages, the programme's own, the policy in force.

Lock order: people's and households' wallets by id, then the care pool.  A wallet's row is the lock; its vintages move under it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import open_connection
from civic.core.built import Built
from civic.core.db import db
from civic.points.errors import NoPolicy, OtherProgramme
from civic.points.models import COUNTED, OWNED, Policy, PolicyState, Vintage, Wallet, WalletKind, WalletState

_W, _V, _P = Wallet.__table__, Vintage.__table__, Policy.__table__
_NOW = _P.alias("in_force")
_IN_FORCE = (
    sa.select(_P.c.id)
    .where(_P.c.programme_id == _W.c.programme_id, _P.c.state == PolicyState.adopted, _P.c.from_on <= sa.bindparam("today"))
    .order_by(_P.c.from_on.desc(), _P.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_WITH_RULES = _W.outerjoin(_NOW, _NOW.c.id == _IN_FORCE)
_WALLET = (
    _W.c.id, _W.c.programme_id, _W.c.kind, _W.c.state, _W.c.person_id, _W.c.household_id, _W.c.heir_id, _W.c.due, _W.c.vintage_count,
    _NOW.c.id.label("policy_id"), _NOW.c.cap.label("cap"), _NOW.c.threshold.label("threshold"),
)  # fmt: skip
_WANTED = _W.c.id.in_(sa.bindparam("ids", expanding=True))
_ORDER = (_W.c.kind == WalletKind.care_pool, _W.c.id)
_LOCK = sa.select(*_WALLET).select_from(_WITH_RULES).where(_WANTED).order_by(*_ORDER).with_for_update(key_share=True, of=_W)
_READ = (
    sa.select(_V.c.id, _V.c.wallet_id, _V.c.year, _V.c.balance, _V.c.held)
    .where(_V.c.wallet_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_V.c.wallet_id, _V.c.year)
)
_SYSTEM = (
    sa.select(_W.c.kind, _W.c.id.label("wallet_id"), _V.c.id)
    .join(_V, _V.c.wallet_id == _W.c.id)
    .where(_V.c.programme_id == sa.bindparam("programme"), _V.c.year == 0)
)


@dataclass
class Pot:
    """A vintage as it stands under the lock; hundredths."""

    id: int
    year: int
    balance: int
    held: int

    @property
    def free(self) -> int:
        return self.balance - self.held


@dataclass
class Locked:
    """A wallet under lock, its vintages from the oldest."""

    id: int
    programme_id: int
    kind: WalletKind
    state: WalletState
    person_id: int | None
    household_id: int | None
    heir_id: int | None
    due: int
    pots: list[Pot] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(pot.balance for pot in self.pots)

    @property
    def free(self) -> int:
        """What is not held: what may be spent."""
        return sum(pot.free for pot in self.pots)


@dataclass
class Book:
    """Everything one operation needs, read under its locks."""

    programme_id: int
    policy_id: int
    cap: int  # most that a wallet keeps by these rules, hundredths
    threshold: int  # minutes of service after which a person's points may be spent
    now: datetime
    wallets: dict[int, Locked]

    @cached_property
    def _system(self) -> dict[WalletKind, tuple[int, int]]:
        """(wallet, vintage) of the programme's own; asked for by operations that need them."""
        rows = open_connection().execute(_SYSTEM, {"programme": self.programme_id})
        return {row.kind: (row.wallet_id, row.id) for row in rows}

    @property
    def system(self) -> dict[WalletKind, int]:
        """The vintages of the programme's own wallets."""
        return {kind: vintage for kind, (_wallet, vintage) in self._system.items()}

    def pot(self, id_: int) -> Pot | None:
        """A vintage of the wallets under lock; None for one of the programme."""
        return next((pot for wallet in self.wallets.values() for pot in wallet.pots if pot.id == id_), None)

    def pot_of_year(self, wallet: Locked, year: int) -> Pot:
        """The vintage of a year; made when it is the first of its year.  The pool keeps no years."""
        year = 0 if wallet.kind not in OWNED else year
        for pot in wallet.pots:
            if pot.year == year:
                return pot
        values = {"wallet_id": wallet.id, "programme_id": self.programme_id, "year": year, "is_counted": wallet.kind in COUNTED}
        connection = open_connection()
        id_ = connection.execute(sa.insert(_V).values(balance=0, held=0, **values).returning(_V.c.id)).scalar_one()
        connection.execute(sa.update(_W).where(_W.c.id == wallet.id).values(vintage_count=_W.c.vintage_count + 1))
        wallet.pots.append(Pot(id_, year, 0, 0))
        wallet.pots.sort(key=lambda pot: pot.year)
        return next(pot for pot in wallet.pots if pot.id == id_)

    def pool(self) -> Locked:
        """The care pool under lock; asked for last, as the order of locks says."""
        return self.also(self._system[WalletKind.care_pool][0])

    def also(self, id_: int) -> Locked:
        """One more wallet of the programme under lock."""
        if id_ not in self.wallets:
            self.wallets |= _locked([id_])[0]
        return self.wallets[id_]


def open_book(wallet_ids: Iterable[int]) -> Book:
    """Lock these wallets of one programme and read what stands in them now.  Raises NoPolicy, OtherProgramme, ValueError for an unknown id."""
    wanted = sorted(set(wallet_ids))
    db.session.flush()
    wallets, first = _locked(wanted)
    if len(wallets) != len(wanted):
        raise ValueError("unknown wallet")
    if any(wallet.kind not in COUNTED for wallet in wallets.values()):
        raise ValueError("this wallet keeps no counters: nobody can say under a lock what is free in it")
    if first.policy_id is None:
        raise NoPolicy
    if any(wallet.programme_id != first.programme_id for wallet in wallets.values()):
        raise OtherProgramme
    return Book(first.programme_id, first.policy_id, first.cap, first.threshold, clock.now(), wallets)


@cache
def _lock_whole(count: int) -> Built:
    """One statement that locks so many wallets with their vintages and reads them: `id_0`, `id_1`, …, `today`."""
    return Built(
        sa.select(*_WALLET, _V.c.id.label("pot_id"), _V.c.year, _V.c.balance, _V.c.held)
        .select_from(_WITH_RULES.join(_V, _V.c.wallet_id == _W.c.id))
        .where(_W.c.id.in_([sa.bindparam(f"id_{at}", type_=_W.c.id.type) for at in range(count)]))
        .order_by(*_ORDER, _V.c.year)
        .with_for_update(key_share=True, of=[_W, _V])
    )


def _locked(ids: list[int]) -> tuple[dict[int, Locked], Any]:
    """One statement where each wallet has its vintages; two for a wallet without any, or one that got another while this waited.

    PostgreSQL reads rows again that it waited for, but does not see new ones: `vintage_count` tells that there are.
    """
    connection = open_connection()
    values = {"ids": ids, "today": clock.today()}
    rows: Sequence[Any] = _lock_whole(len(ids)).rows(
        connection, {f"id_{at}": id_ for at, id_ in enumerate(ids)} | {"today": values["today"]}
    )
    found: dict[int, Locked] = {}
    for row in rows:
        wallet = found.get(row.id) or found.setdefault(row.id, _wallet_of(row))
        wallet.pots.append(Pot(row.pot_id, row.year, row.balance, row.held))
    if len(found) == len(ids) and all(row.vintage_count == len(found[row.id].pots) for row in rows):
        return found, rows[0]
    rows = connection.execute(_LOCK, values).all()
    found = {row.id: _wallet_of(row) for row in rows}
    for pot in connection.execute(_READ, {"ids": ids}):
        found[pot.wallet_id].pots.append(Pot(pot.id, pot.year, pot.balance, pot.held))
    return found, rows[0] if rows else None


def _wallet_of(row: Any) -> Locked:
    return Locked(row.id, row.programme_id, row.kind, row.state, row.person_id, row.household_id, row.heir_id, row.due)
