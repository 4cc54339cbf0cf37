"""Looking for what a person should look at (never more than that): sudden earners, rings; and marking a hint as looked at.

sudden: in a week a wallet earned more than 3 times its own usual, and more than 20 points above it.  Usual is the median of the twelve weeks
before, weeks without points included.  Worked: four points in most weeks, 40 in the week from 23 November: 40 > 12 and 40 > 24, so it is
shown; a first-aid camp of 20 points is not.
ring: within 90 days two to five people made five exchanges or more, all of them among themselves, and each of them paid and was paid.  Who
is helped every week by the same neighbour is none: one pays, the other is paid.

A module of exchanges names an exchange `exchange:<id>` as the source of its hold (who pays) and of its earning (who helps); that is all that
points know of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.core import audit, clock, notes
from civic.core.atomic import atomic
from civic.core.db import db, locked, new_public_id, upsert
from civic.core.viewer import Actor
from civic.people.models import Person
from civic.points.errors import AlreadyLookedAt
from civic.points.models import Earning, Hint, HintKind, HintState, Hold, HoldState, Reason, Transfer, TransferKind, Vintage, Wallet
from civic.points.operations.ledger import as_detail
from civic.points.operations.seconds import by_account, not_own
from civic.territory.models import Territory

TIMES, ABOVE, WEEKS = 3, 20_00, 12  # hundredths
DAYS, LEAST, FEWEST, MOST = 90, 5, 2, 5
EXCHANGE = "exchange:"
_T, _V, _W = Transfer.__table__, Vintage.__table__, Wallet.__table__


def run() -> int:
    """The job of the night: the week and the ninety days that end yesterday.  Returns how many hints are new."""
    yesterday = clock.today() - timedelta(days=1)
    found = [*sudden(yesterday), *rings(yesterday)]
    return sum(_keep(each) for each in found)


@dataclass(frozen=True)
class Found:
    """What would be a hint: about whom and when, the numbers, the wallets whose place it belongs to."""

    kind: HintKind
    subject: str
    detail: dict[str, Any]
    wallet_ids: tuple[int, ...]


# ---- sudden earners -------------------------------------------------------------------------------------------------------


def week_of(day: date) -> tuple[date, str]:
    """Its Monday and its name, `2026-W47`."""
    year, week, weekday = day.isocalendar()
    return day - timedelta(days=weekday - 1), f"{year}-W{week:02d}"


def sudden(day: date) -> list[Found]:
    """Wallets that earned far more than usual in the week of this day: one statement over the week, one for those above 20 points."""
    monday, name = week_of(day)
    earned = _earned(monday, monday + timedelta(days=7))
    this_week = {id_: int(amount) for id_, amount in db.session.execute(earned.having(sa.func.sum(_T.c.amount) > ABOVE))}
    before = _weeks_before(monday, list(this_week))
    found = []
    for wallet_id, amount in sorted(this_week.items()):
        weeks = before[wallet_id]
        usual = int(median(weeks))
        if amount > TIMES * usual and amount > usual + ABOVE:
            detail = {
                "wallets": [wallet_id], "week": name, "monday": monday.isoformat(), "earned": amount, "usual": usual, "weeks": weeks,
                "times": TIMES, "above": ABOVE,
            }  # fmt: skip
            found.append(Found(HintKind.sudden, f"wallet:{wallet_id}:{name}", detail, (wallet_id,)))
    return found


def _earned(from_on: date, before_on: date) -> sa.Select[Any]:
    """(wallet, hundredths earned) between two local days, the second one left out."""
    return _earnings(from_on, before_on, _V.c.wallet_id, sa.func.sum(_T.c.amount)).group_by(_V.c.wallet_id)


def _earnings(from_on: date, before_on: date, *columns: Any) -> sa.Select[Any]:
    rows = sa.select(*columns).select_from(_T).join(_V, _V.c.id == _T.c.credit_id)
    return rows.where(
        _T.c.kind == TransferKind.single, _T.c.reason == Reason.earned, _V.c.year > 0,
        _T.c.at >= clock.day_bounds(from_on)[0], _T.c.at < clock.day_bounds(before_on)[0],
    )  # fmt: skip


def _weeks_before(monday: date, wallet_ids: list[int]) -> dict[int, list[int]]:
    """Wallet → hundredths earned in each of the weeks before, the last one first."""
    found = {id_: [0] * WEEKS for id_ in wallet_ids}
    rows = _earnings(monday - timedelta(days=7 * WEEKS), monday, _V.c.wallet_id, _T.c.at, _T.c.amount)
    for row in db.session.execute(rows.where(_V.c.wallet_id.in_(wallet_ids))) if wallet_ids else ():
        days = (monday - clock.local(row.at).date()).days
        found[row.wallet_id][(days - 1) // 7] += row.amount
    return found


# ---- rings ----------------------------------------------------------------------------------------------------------------


@dataclass
class Pairs:
    """Who paid whom, by wallet: (payer, helper) → [exchanges, hundredths]."""

    paid: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def groups(self) -> Iterable[set[int]]:
        """Closed groups: whoever is tied to one of them by an exchange is in it."""
        group: dict[int, set[int]] = {}
        for pair in self.paid:
            joined = set().union(*(group.get(id_, {id_}) for id_ in pair))
            group.update(dict.fromkeys(joined, joined))
        return {min(members): members for members in group.values()}.values()

    def within(self, members: set[int]) -> list[tuple[int, int, int, int]]:
        return sorted((payer, helper, *told) for (payer, helper), told in self.paid.items() if payer in members)  # type: ignore[misc]


def rings(day: date) -> list[Found]:
    """Closed groups of the ninety days up to this day in which everybody pays and is paid."""
    first, pairs = day - timedelta(days=DAYS - 1), exchanges(day)
    found = []
    for members in pairs.groups():
        told = pairs.within(members)
        count = sum(number for _payer, _helper, number, _amount in told)
        both_ways = {payer for payer, *_ in told} == members == {helper for _payer, helper, *_ in told}
        if not (FEWEST <= len(members) <= MOST and count >= LEAST and both_ways):
            continue
        ids = tuple(sorted(members))
        detail = {
            "wallets": list(ids), "from": first.isoformat(), "to": day.isoformat(), "days": DAYS, "exchanges": count, "least": LEAST,
            "most": MOST, "paid": [list(each) for each in told],
        }  # fmt: skip
        found.append(Found(HintKind.ring, f"ring:{'-'.join(map(str, ids))}:{day:%Y-%m}", detail, ids))
    return found


def exchanges(day: date) -> Pairs:
    """Exchanges that were paid in the ninety days up to this day: one statement.  A merged row counts as its survivor's."""
    since, until = clock.day_bounds(day - timedelta(days=DAYS - 1))[0], clock.day_bounds(day)[1]
    own, helpers, helper, payer, asker = aliased(Wallet), aliased(Wallet), aliased(Person), aliased(Person), aliased(Wallet)
    later = aliased(Earning)
    query = (
        sa.select(sa.func.coalesce(asker.id, own.id).label("payer"), helpers.id.label("helper"), Hold.posted)
        .join(own, own.id == Hold.wallet_id)
        .outerjoin(payer, payer.id == own.person_id)
        .outerjoin(asker, sa.and_(asker.person_id == payer.merged_into_id, asker.programme_id == own.programme_id))
        .join(Earning, Earning.source == Hold.source)
        .join(helper, helper.id == Earning.person_id)
        .join(
            helpers,
            sa.and_(helpers.person_id == sa.func.coalesce(helper.merged_into_id, helper.id), helpers.programme_id == Earning.programme_id),
        )
        .where(Hold.state == HoldState.posted, Hold.source.startswith(EXCHANGE), Hold.ended_at >= since, Hold.ended_at < until)
        .where(Earning.amount > 0, ~sa.exists().where(later.source == Earning.source, later.revision > Earning.revision))
    )
    pairs = Pairs()
    for row in db.session.execute(query):
        if row.payer != row.helper:
            told = pairs.paid[row.payer, row.helper]
            told[0] += 1
            told[1] += row.posted
    return pairs


# ---- keeping and looking --------------------------------------------------------------------------------------------------


def _keep(found: Found) -> bool:
    """Write a hint once; while nobody has looked, its numbers follow.  True when it is new."""
    h = Hint.__table__
    values = {"detail": as_detail(found.detail), "territory_id": _place_of(found.wallet_ids)}
    with atomic():
        row = {**values, "uid": new_public_id(), "kind": found.kind, "subject": found.subject, "created_at": clock.now()}
        statement = upsert(h).values(**row, state=HintState.open).on_conflict_do_nothing().returning(h.c.id)
        is_new = db.session.execute(statement).scalar() is not None
        if not is_new:
            known = (h.c.kind == found.kind, h.c.subject == found.subject, h.c.state == HintState.open)
            db.session.execute(sa.update(h).where(*known).values(**values))
    return is_new


def _place_of(wallet_ids: Iterable[int]) -> int:
    """The community of all of them; where they live in several, the territory above that holds them all."""
    query = sa.select(Territory.path).join(Person, Person.place_id == Territory.id).join(Wallet, Wallet.person_id == Person.id)
    paths = [path.strip("/").split("/") for path in db.session.scalars(query.where(Wallet.id.in_(wallet_ids)))]
    shared: list[str] = []
    for codes in zip(*paths, strict=False):
        if len(set(codes)) > 1:
            break
        shared.append(codes[0])
    return int(db.session.scalars(sa.select(Territory.id).where(Territory.path == f"/{'/'.join(shared)}/")).one())


def look_at(actor: Actor, hint_id: int, words: str) -> Hint:
    """Mark a hint as looked at, with what was found.  words: sealed.  Raises OwnHousehold, AlreadyLookedAt; ValueError without words."""
    if not words.strip():
        raise ValueError("say what was found")
    account_id = by_account(actor)
    with atomic() as tx:
        row = locked(Hint, hint_id)
        if row.state is not HintState.open:
            raise AlreadyLookedAt
        not_own(actor, json.loads(row.detail)["wallets"])
        row.state, row.looked_at, row.looked_by_id = HintState.looked_at, clock.now(), account_id
        row.note_id = notes.write(words.strip())
        audit.record(actor, "points.hint_looked_at", "points_hint", row.id)
        tx.result = row
    return row
