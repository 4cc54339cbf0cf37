"""The points of the synthetic district, in bulk, with nothing that a check finds.

The counters move by trigger alone, so a row that would overdraw a wallet ends the seed instead of lying in the ledger.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.core.viewer import Channel
from civic.people.models import Person
from civic.points import operations
from civic.points.models import (
    Earning,
    Hold,
    HoldState,
    Policy,
    PolicyState,
    Programme,
    Reason,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletKind,
    WalletState,
)
from civic.points.seeds import SEED, noon, version
from civic.territory.models import Territory, TerritoryKind

ROWS = 400_000  # rows of the ledger at scale 1
SLICE = 2_000  # rows in one transaction: about 0.1 s of the write lock
PAUSE = 0.005  # seconds between slices, so that other writers get their turn
EACH = 40  # rows a wallet has on average


def district(*, scale: float, rows: Mapping[str, int], seed: int, as_of: date, progress: Callable[[str], Any]) -> dict[str, int]:
    """Write wallets, earnings, holds and rows, and say how many seconds it took.  rows: `points` sets the number of rows."""
    began, wanted = time.monotonic(), rows.get("points", round(ROWS * scale))
    if not wanted:
        return {"points": 0}
    written = _Bulk(random.Random(f"points:{seed}"), as_of, wanted).write(progress)
    progress(f"points: {written} rows in {time.monotonic() - began:.1f} s")
    return {"points": written}


class _Bulk:
    """Rows in the order of their moments, kept in memory as far as the next row needs it: what is free in each wallet."""

    def __init__(self, chance: random.Random, as_of: date, wanted: int) -> None:
        self.chance, self.wanted, self.made = chance, wanted, 0
        self.begin = noon(as_of - timedelta(days=364))
        self.step = timedelta(days=360) / max(1, wanted)
        self.hold_id = self.earning_id = self.row_id = 0
        self.pots: list[int] = []
        self.free: list[int] = []
        self.day: dict[tuple[int, date], int] = {}
        self.system: dict[WalletKind, int] = {}
        self.policies: list[tuple[date, int, dict[tuple[str, str], int]]] = []

    def write(self, progress: Callable[[str], Any]) -> int:
        self._prepare()
        told = 0
        while self.made < self.wanted:
            earnings: list[Any] = []
            holds: list[Any] = []
            lines: list[Any] = []
            while len(lines) < SLICE and self.made + len(lines) < self.wanted:
                self._act(self.begin + self.step * (self.made + len(lines)), earnings, holds, lines)
            with atomic():
                if earnings:
                    db.session.execute(sa.insert(Earning), earnings)
                if holds:
                    db.session.execute(sa.insert(Hold), holds)
                db.session.execute(sa.insert(Transfer), lines)
                self._tell(holds, lines)
            self.made += len(lines)
            if self.made - told >= 200_000:
                told = self.made
                progress(f"points: {self.made} of {self.wanted}")
            time.sleep(PAUSE)
        _restart_ids()
        return self.made

    def _prepare(self) -> None:
        """The programme, its rules and the wallets of as many people as the rows need."""
        programme_id = db.session.scalar(sa.select(Programme.id).order_by(Programme.id))
        if programme_id is None:
            place = db.session.scalars(
                sa.select(Territory.id).where(Territory.kind == TerritoryKind.district).order_by(Territory.id)
            ).first()
            if place is None:
                raise ValueError("no district to have a programme")
            programme_id = operations.open_programme(SEED, place, "PY", "番禺志愿积分", "Panyu volunteer points").id
            version(place, programme_id, f"{self.begin.year}-1", clock.local(self.begin).date() - timedelta(days=1), {("*", "*"): 100})
        self.programme_id = programme_id
        self.policies = [
            (row.from_on or date.max, row.id, {(r.service_type, r.hour_class): r.rate for r in row.rates})
            for row in db.session.scalars(
                sa.select(Policy).where(Policy.programme_id == programme_id, Policy.state == PolicyState.adopted).order_by(Policy.from_on)
            )
        ]
        kinds = (
            sa.select(Wallet.kind, Vintage.id)
            .join(Vintage, Vintage.wallet_id == Wallet.id)
            .where(Wallet.programme_id == programme_id, Vintage.year == 0)
        )
        self.system = dict(db.session.execute(kinds).all())
        self.pool = db.session.scalar(sa.select(Vintage.wallet_id).where(Vintage.id == self.system[WalletKind.care_pool])) or 0
        for name, model in (("row_id", Transfer), ("hold_id", Hold), ("earning_id", Earning)):
            setattr(self, name, db.session.scalar(sa.select(sa.func.max(model.id))) or 0)
        self._open_wallets(max(10, self.wanted // EACH))

    def _open_wallets(self, many: int) -> None:
        without = ~sa.exists().where(Wallet.person_id == Person.id)
        living = sa.select(Person.id).where(without, Person.merged_into_id.is_(None), Person.died_on.is_(None), Person.birth_year < 2010)
        self.people = list(db.session.scalars(living.order_by(Person.id).limit(many)))
        if not self.people:
            raise ValueError("no people without a wallet")
        year, now = clock.local(self.begin).year, self.begin
        for at in range(0, len(self.people), 500):
            owners = self.people[at : at + 500]
            with atomic():
                wallets = [
                    {"uid": new_public_id(), "programme_id": self.programme_id, "kind": WalletKind.member, "person_id": id_, "state": WalletState.open,
                     "state_why": "", "due": 0, "vintage_count": 1, "created_at": now}
                    for id_ in owners
                ]  # fmt: skip
                db.session.execute(sa.insert(Wallet), wallets)
                ids = (
                    db.session.execute(sa.select(Wallet.id).where(Wallet.person_id.in_(owners)).order_by(Wallet.person_id)).scalars().all()
                )
                pots = [
                    {"wallet_id": id_, "programme_id": self.programme_id, "year": year, "is_counted": True, "balance": 0, "held": 0, "noticed": 0}
                    for id_ in ids
                ]  # fmt: skip
                db.session.execute(sa.insert(Vintage), pots)
                self.pots += (
                    db.session.execute(sa.select(Vintage.id).where(Vintage.wallet_id.in_(ids)).order_by(Vintage.wallet_id)).scalars().all()
                )
        self.free = [0] * len(self.pots)

    def _act(self, moment: datetime, earnings: list[Any], holds: list[Any], lines: list[Any]) -> None:
        """An hour's service; now and then goods for points or a gift."""
        at, fate = self.chance.randrange(len(self.pots)), self.chance.random()
        if self.free[at] >= 2_00 and fate < 0.45:
            self._hold(at, moment, holds, lines, is_spent=fate < 0.4)
        elif self.free[at] >= 5_00 and fate < 0.47:
            self._line(
                moment,
                TransferKind.single,
                Reason.donated,
                self.pots[at],
                self.system[WalletKind.care_pool],
                1_00,
                lines,
                source=f"pot:{self.pots[at]}",
            )
            self.free[at] -= 1_00
        else:
            self._earn(at, moment, earnings, lines)

    def _earn(self, at: int, moment: datetime, earnings: list[Any], lines: list[Any]) -> None:
        on = clock.local(moment).date()
        if self.day.get((at, on), 0) >= 480 or self.free[at] > 1_400_00:
            at = self.chance.randrange(len(self.pots))
        counted = min(self.chance.choice([60, 90, 120]), 480 - self.day.get((at, on), 0))
        if counted < 30 or self.free[at] > 1_400_00:
            return self._earn((at + 1) % len(self.pots), moment, earnings, lines)
        self.day = {key: minutes for key, minutes in self.day.items() if key[1] == on} if len(self.day) > 200_000 else self.day
        self.day[at, on] = self.day.get((at, on), 0) + counted
        _from, policy_id, rates = next(p for p in reversed(self.policies) if p[0] <= on)
        rate = rates["*", "*"]
        self.earning_id += 1
        amount = counted * rate // 60
        earnings.append(
            {"id": self.earning_id, "programme_id": self.programme_id, "source": f"seed:{self.earning_id}", "revision": 1, "person_id": self.people[at],
             "on": on, "service_type": "patrol", "hour_class": "system", "minutes": counted, "counted": counted, "rate": rate, "amount": amount, "offset": 0,
             "policy_id": policy_id, "is_donated": False, "at": moment}
        )  # fmt: skip
        detail = {
            "minutes": counted, "counted": counted, "rate": rate, "type": "patrol", "class": "system", "on": on.isoformat(), "revision": 1,
        }  # fmt: skip
        self._line(moment, TransferKind.single, Reason.earned, self.system[WalletKind.issuance], self.pots[at], amount, lines,
                   source=f"seed:{self.earning_id}", earning_id=self.earning_id, detail=json.dumps(detail, sort_keys=True))  # fmt: skip
        self.free[at] += amount
        return None

    def _hold(self, at: int, moment: datetime, holds: list[Any], lines: list[Any], *, is_spent: bool) -> None:
        """Held and, in the same slice, posted or given back."""
        self.hold_id += 1
        amount, sink, pot = self.chance.choice([1_00, 2_00]), self.system[WalletKind.redemption], self.pots[at]
        source, end = f"goods-seed:{self.hold_id}", moment + timedelta(minutes=1)
        holds.append(
            {"id": self.hold_id, "uid": new_public_id(), "programme_id": self.programme_id, "wallet_id": self._wallet_of(pot), "source": source, "sequence": 1,
             "reason": Reason.spent, "amount": amount, "posted": amount if is_spent else 0, "state": HoldState.posted if is_spent else HoldState.voided,
             "expires_at": moment + timedelta(hours=72), "created_at": moment, "ended_at": end}
        )  # fmt: skip
        held = self._line(moment, TransferKind.hold, Reason.spent, pot, sink, amount, lines, source=source, hold_id=self.hold_id)
        kind, reason = (TransferKind.post, Reason.spent) if is_spent else (TransferKind.void, Reason.returned)
        self._line(end, kind, reason, pot, sink, amount, lines, source=source, hold_id=self.hold_id, ends_id=held)
        self.free[at] -= amount if is_spent else 0

    def _tell(self, holds: list[Any], lines: list[Any]) -> None:
        """The lines of the audit that the operations would have written: `civic check` compares holds and gifts with them."""
        for row in holds:
            amount, ended = row["amount"], f"points.{row['state'].value}"
            with clock.frozen(row["created_at"]):
                audit.record(SEED, "points.held", "points_hold", row["id"], amount=amount, until=row["expires_at"].isoformat())
            with clock.frozen(row["ended_at"]):
                audit.record(SEED, ended, "points_hold", row["id"], amount=amount, posted=row["posted"])
        for line in lines:
            if line["reason"] is Reason.donated:
                with clock.frozen(line["at"]):
                    audit.record(
                        SEED, "points.donated", "points_wallet", self._wallet_of(line["debit_id"]), amount=line["amount"], to=self.pool
                    )

    def _wallet_of(self, pot: int) -> int:
        if not hasattr(self, "wallet_of"):
            rows = db.session.execute(
                sa.select(Vintage.id, Vintage.wallet_id).where(Vintage.programme_id == self.programme_id, Vintage.year != 0)
            )
            self.wallet_of = dict(rows.all())
        return self.wallet_of[pot]

    def _line(
        self, moment: datetime, kind: TransferKind, reason: Reason, debit: int, credit: int, amount: int, lines: list[Any], **more: Any
    ) -> int:
        self.row_id += 1
        policy_id = next(p for p in reversed(self.policies) if p[0] <= clock.local(moment).date())[1]
        values = {"hold_id": None, "ends_id": None, "reverses_id": None, "earning_id": None, "detail": "{}", **more}
        lines.append(
            {"id": self.row_id, "programme_id": self.programme_id, "kind": kind, "reason": reason, "debit_id": debit, "credit_id": credit, "amount": amount,
             "policy_id": policy_id, "account_id": None, "job": "seed", "channel": Channel.command.value, "at": moment, **values}
        )  # fmt: skip
        return self.row_id


def _restart_ids() -> None:
    """PostgreSQL gives ids from sequences that did not see the rows above."""
    if db.session.get_bind().dialect.name == "postgresql":
        with atomic():
            for table in ("points_transfer", "points_hold", "points_earning"):
                db.session.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"))  # noqa: S608
