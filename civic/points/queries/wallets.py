"""Reads of points: a wallet as its owner sees it, and which wallets are hers.  Two statements, however many wallets and years.

What a hold sets aside stops counting when its time is over, whether or not anybody has written that down (L8): `free` subtracts live holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import Bilingual, db
from civic.people import records
from civic.people.models import Household, Membership, Person
from civic.points.models import (
    OWNED,
    Hold,
    HoldState,
    Policy,
    PolicyState,
    Programme,
    Reason,
    Transfer,
    Vintage,
    Wallet,
    WalletKind,
    WalletState,
)
from civic.points.rules import last_day
from civic.territory.models import Territory

TOPIC = "points"
GROWN_UP = 18  # years, Civil Code art. 17
NO_PROGRAMME = Bilingual("", "")
_W, _V, _P, _G = Wallet.__table__, Vintage.__table__, Policy.__table__, Programme.__table__


@dataclass(frozen=True)
class Rules:
    """What the wallet's page says of the version in force.  cap in hundredths, threshold in minutes."""

    number: str
    cap: int
    expiry_years: int
    threshold: int


@dataclass(frozen=True)
class Year:
    """The points of one year in a wallet; hundredths.  last_on: last day on which they count, None where they do not expire."""

    vintage_id: int
    year: int
    balance: int
    last_on: date | None


@dataclass(frozen=True)
class Held:
    """Points set aside and for what; hundredths.  A hold whose time is over is none."""

    id: int
    amount: int
    source: str
    reason: Reason
    until: datetime
    since: datetime


@dataclass(frozen=True)
class WalletView:
    """A wallet with its years from the oldest and its live holds; hundredths."""

    id: int
    uid: str
    kind: WalletKind
    state: WalletState
    state_why: str
    person_id: int | None
    household_id: int | None
    due: int
    programme_id: int
    programme: Bilingual
    rules: Rules | None
    years: tuple[Year, ...] = ()
    holds: tuple[Held, ...] = field(default=())

    @property
    def balance(self) -> int:
        return sum(year.balance for year in self.years)

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds)

    @property
    def free(self) -> int:
        """What may be spent or given."""
        return self.balance - self.held

    @property
    def expiring(self) -> list[Year]:
        """Years with points that have a last day, the soonest first."""
        return sorted((y for y in self.years if y.balance and y.last_on), key=lambda y: y.year)


@dataclass(frozen=True)
class Mine:
    """What belongs to a person: her wallets, those of rows merged into her included, and her household's when she may act on them.

    Both with the one she uses first: open, of the district where she lives now, else of the newest programme.
    """

    person_id: int
    wallets: tuple[WalletView, ...] = ()
    household_id: int | None = None  # None too where she is not of age
    households: tuple[WalletView, ...] = ()

    @property
    def own(self) -> WalletView | None:
        """The wallet she uses."""
        return next(iter(self.wallets), None)

    @property
    def household(self) -> WalletView | None:
        """The one that her household uses."""
        return next(iter(self.households), None)

    @property
    def every(self) -> tuple[WalletView, ...]:
        return (*self.wallets, *self.households)

    def of(self, uid: str) -> WalletView | None:
        """One of them by its uid; '' is her own."""
        return next((w for w in self.every if not uid or w.uid == uid), None)


def mine(person_id: int) -> Mine:
    """Everything that a person may see and use as its owner: three statements, a fourth for whoever has wallets of several districts."""
    household_id = _household_of(person_id)
    whose = _W.c.person_id.in_(_rows_of(person_id))
    # a child has none: `household_id IS NULL` would be the wallets of everybody else
    found = views(sa.or_(whose, _W.c.household_id == household_id) if household_id is not None else whose)
    here = db.session.scalar(_programme_of(person_id)) if len({w.programme_id for w in found}) > 1 else None
    # 8.00 where she lives and nothing in a younger programme next door: it is the 8.00 that she asks about
    found.sort(key=lambda w: (w.state is WalletState.closed, w.programme_id != here, -w.programme_id))
    own = sorted((w for w in found if w.person_id is not None), key=lambda w: w.person_id != person_id)
    return Mine(person_id, tuple(own), household_id, tuple(w for w in found if w.household_id is not None))


def _programme_of(person_id: int) -> sa.Select[Any]:
    """The programme of the district whose community keeps her row, as a select; nothing where there is none."""
    district, place = sa.alias(Territory.__table__), sa.alias(Territory.__table__)
    return (
        sa.select(_G.c.id)
        .join(district, district.c.id == _G.c.territory_id)
        .join(place, place.c.path.startswith(district.c.path))
        .join(Person, Person.place_id == place.c.id)
        .where(Person.id == person_id)
        .limit(1)
    )


def _rows_of(person_id: int) -> sa.Select[Any]:
    """Her row and the rows merged into it, as a select inside another."""
    return sa.select(Person.id).where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id))


def _household_of(person_id: int) -> int | None:
    """The household she is a grown-up member of; who is not known to be of age acts on her own wallet alone."""
    query = (
        sa.select(Membership.household_id, Person.birth_year, Person.sealed)
        .join(Person, Person.id == Membership.person_id)
        .join(Household, Household.id == Membership.household_id)
        .where(Membership.person_id == person_id, Membership.ended_on.is_(None), Household.ended_on.is_(None))
    )
    row = db.session.execute(query).first()
    return row.household_id if row is not None and is_grown_up(row.birth_year, row.sealed) else None


def is_grown_up(birth_year: int | None, sealed: str) -> bool:
    """Has she had her 18th birthday?  Only in that year the sealed day is opened; without a day it counts from the next one on."""
    age = clock.today().year - birth_year if birth_year is not None else 0
    if age != GROWN_UP:
        return age > GROWN_UP
    born = records.unseal(sealed).birthday
    return born is not None and (born.month, born.day) <= (clock.today().month, clock.today().day)


def by_id(wallet_id: int) -> Any:
    """The condition for one wallet."""
    return _W.c.id == wallet_id


def views(which: Any) -> list[WalletView]:
    """Wallets by a condition on `points_wallet`, with years and live holds: two statements.  Meant for few."""
    version = sa.alias(_P)
    in_force = (
        sa.select(version.c.id)
        .where(version.c.programme_id == _W.c.programme_id, version.c.state == PolicyState.adopted, version.c.from_on <= clock.today())
        .order_by(version.c.from_on.desc(), version.c.id.desc())
        .limit(1)
        .correlate(_W)
        .scalar_subquery()
    )
    query = (
        sa.select(
            _W.c.id, _W.c.uid, _W.c.kind, _W.c.state, _W.c.state_why, _W.c.person_id, _W.c.household_id, _W.c.due, _W.c.programme_id,
            _G.c.name_zh, _G.c.name_en, _P.c.number, _P.c.cap, _P.c.expiry_years, _P.c.threshold,
            _V.c.id.label("vintage_id"), _V.c.year, _V.c.balance,
        )
        .join(_G, _G.c.id == _W.c.programme_id)
        .outerjoin(_V, _V.c.wallet_id == _W.c.id)
        .outerjoin(_P, _P.c.id == in_force)
        .where(which)
        .order_by(_W.c.id, _V.c.year)
    )  # fmt: skip
    rows: dict[int, list[Any]] = {}
    for row in db.session.execute(query):
        rows.setdefault(row.id, []).append(row)
    holds = _live_holds(list(rows)) if rows else {}
    return [_view(each, tuple(holds.get(id_, ()))) for id_, each in rows.items()]


def _view(rows: list[Any], holds: tuple[Held, ...]) -> WalletView:
    first = rows[0]
    rules = Rules(first.number, first.cap, first.expiry_years, first.threshold) if first.number is not None else None
    keep = rules.expiry_years if rules and first.kind in OWNED else 0
    years = tuple(
        Year(row.vintage_id, row.year, row.balance, last_day(row.year, keep, clock.today()) if keep else None)
        for row in rows
        if row.vintage_id is not None
    )
    return WalletView(
        first.id, first.uid, first.kind, first.state, first.state_why, first.person_id, first.household_id, first.due, first.programme_id,
        Bilingual(first.name_zh, first.name_en), rules, years, holds,
    )  # fmt: skip


def _live_holds(wallet_ids: list[int]) -> dict[int, list[Held]]:
    query = (
        sa.select(Hold.wallet_id, Hold.id, Hold.amount, Hold.source, Hold.reason, Hold.expires_at, Hold.created_at)
        .where(Hold.wallet_id.in_(wallet_ids), Hold.state == HoldState.open, Hold.expires_at > clock.now())
        .order_by(Hold.expires_at, Hold.id)
    )
    found: dict[int, list[Held]] = {}
    for row in db.session.execute(query):
        held = Held(row.id, row.amount, row.source, row.reason, row.expires_at, row.created_at)
        found.setdefault(row.wallet_id, []).append(held)
    return found


def free_of(person_id: int) -> int | None:
    """Hundredths in the wallet that a person uses (`Mine.own`) and may spend, for the home page: one statement.  None without a wallet."""
    live = (
        sa.select(sa.func.coalesce(sa.func.sum(Hold.amount), 0))
        .where(Hold.wallet_id == _W.c.id, Hold.state == HoldState.open, Hold.expires_at > clock.now())
        .correlate(_W)
        .scalar_subquery()
    )
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(_V.c.balance), 0) - live)
        .select_from(_W.outerjoin(_V, _V.c.wallet_id == _W.c.id))
        .where(_W.c.person_id == person_id, _W.c.state != WalletState.closed)
        .group_by(_W.c.id, _W.c.programme_id)
        .order_by(sa.case((_W.c.programme_id == _programme_of(person_id).scalar_subquery(), 0), else_=1), _W.c.programme_id.desc())
    )
    found = db.session.scalars(query.limit(1)).first()
    return int(found) if found is not None else None


def household_number(household_id: int) -> str:
    """The number on its papers."""
    return db.session.scalar(sa.select(Household.number).where(Household.id == household_id)) or ""


@dataclass(frozen=True)
class Gift:
    """A gift that was booked, for its receipt; hundredths."""

    wallet_id: int
    row_id: int
    amount: int
    at: datetime
    to: WalletKind


def gift(row_id: int) -> Gift | None:
    """The gift that a row of the ledger belongs to: the rows of all years that were written with it."""
    t, first, other = Transfer.__table__, sa.alias(Transfer.__table__), sa.alias(_V)
    query = (
        sa.select(_V.c.wallet_id, sa.func.min(t.c.id), sa.func.sum(t.c.amount), t.c.at, _W.c.kind)
        .select_from(first)
        .join(t, sa.and_(t.c.source == first.c.source, t.c.at == first.c.at, t.c.reason == first.c.reason))
        .join(_V, _V.c.id == t.c.debit_id)
        .join(other, other.c.id == t.c.credit_id)
        .join(_W, _W.c.id == other.c.wallet_id)
        .where(first.c.id == row_id, first.c.reason == Reason.donated)
        .group_by(_V.c.wallet_id, t.c.at, _W.c.kind)
    )
    row = db.session.execute(query).first()
    return Gift(row[0], row[1], int(row[2]), row[3], row[4]) if row is not None else None
