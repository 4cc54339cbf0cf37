"""Deaths, merges and joins while the same people earn, give and hold: real threads, real commits, no deadlock, no point lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.people import operations as people
from civic.people.models import HouseholdRelation, Membership, PersonSource
from civic.people.records import Record
from civic.points import checks, operations
from civic.points.models import Vintage, Wallet, WalletKind
from civic.territory.models import Territory, TerritoryKind
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import adopt, summed

TODAY = date(2026, 11, 25)
PEOPLE = 12


def begin(app: Any) -> tuple[int, list[int], list[int]]:
    """(programme, people, their households' wallets): each lives alone, with two points of her own and one of the household's."""
    with app.app_context():
        with atomic() as tx:
            made = [Territory(code="440113", kind=TerritoryKind.district, name_zh="区", name_en="District", path="/440113/")]
            made.append(Territory(code="440113901", kind=TerritoryKind.community, name_zh="社区", name_en="C", path="/440113/440113901/"))
            db.session.add_all(made)
            db.session.flush()
            tx.result = [each.id for each in made]
        district, place = tx.result
        programme = operations.open_programme(CLERK, district, "PY", "番禺志愿积分", "Panyu volunteer points").id
        adopt(programme, cap=3_00)
        ids, homes = [], []
        for _ in range(PEOPLE):
            person = people.create_person(CLERK, place, Record("王"), source=PersonSource.desk).id
            operations.earn(CLERK, f"hours:{person}", 1, person, 180, TODAY, "other", "system")
            household = db.session.scalars(sa.select(Membership.household_id).where(Membership.person_id == person)).one()
            with atomic() as tx:
                tx.result = operations.wallet_of_household(programme, household), operations.wallet_of_person(programme, person)
            operations.donate(CLERK, tx.result[1], 1_00, tx.result[0])
            ids.append(person)
            homes.append(household)
        db.session.remove()
    return programme, ids, homes


def test_whatever_happens_to_the_same_people_at_once_no_two_wait_for_each_other(live_app):
    with clock.frozen(clock.now()):
        programme, ids, homes = begin(live_app)

        def each(act: Callable[[int], Any], order: list[int]) -> Callable[[], None]:
            def work() -> None:
                with live_app.app_context():
                    for who in order:
                        try:
                            act(who)
                        except DomainError:
                            db.session.rollback()
                    db.session.remove()

            return work

        def merge(who: int) -> None:
            asked = people.ask_merge(CLERK, who, ids[(ids.index(who) + 5) % PEOPLE], "同一人")
            people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)

        def give(who: int) -> None:
            with atomic() as tx:
                tx.result = operations.wallet_of_person(programme, who)
            operations.donate(CLERK, tx.result, 10)
            operations.hold(CLERK, tx.result, 10, source=f"order:{who}", until=clock.now() + timedelta(days=9))

        def overflow(who: int) -> None:  # above the cap: the wallet, then the pool
            operations.earn(CLERK, f"more:{who}", 1, who, 240, date(2026, 11, 24), "other", "system")

        work = [
            each(overflow, ids), each(overflow, ids[::-1]), each(give, ids[::-1]),
            each(lambda who: people.record_death(CLERK, who, TODAY), ids[:6]),
            each(merge, ids[6:9]),
            each(lambda who: people.join_household(CLERK, [who], homes[0], HouseholdRelation.other, TODAY), ids[:8:-1]),
        ]  # fmt: skip
        with ThreadPoolExecutor(len(work)) as pool:
            for done in [pool.submit(act) for act in work]:
                done.result()
        with live_app.app_context():
            issued = -summed(programme, WalletKind.issuance)
            assert issued == PEOPLE * (3_00 + 4_00)
            assert db.session.scalar(sa.select(sa.func.sum(Vintage.balance))) == issued
            assert [(v.table, v.row, v.what) for check in checks.CHECKS for v in check.run()] == []


def test_a_death_and_gifts_of_the_same_person_lock_in_one_order(live_app):
    """The household's wallet goes to the pool, then hers does; a gift holds hers and waits for the pool.  Begun together, round by round."""
    with clock.frozen(clock.now()):
        programme, ids, _homes = begin(live_app)
        together = Barrier(4, timeout=60)

        def die() -> None:
            with live_app.app_context():
                for who in ids:
                    together.wait()
                    people.record_death(CLERK, who, TODAY)
                db.session.remove()

        def give() -> None:
            with live_app.app_context():
                for who in ids:
                    with atomic() as tx:
                        tx.result = operations.wallet_of_person(programme, who)
                    together.wait()
                    with suppress(DomainError):
                        for _ in range(12):
                            operations.donate(CLERK, tx.result, 1)
                db.session.remove()

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(act) for act in (die, give, give, give)]:
                done.result()
        with live_app.app_context():
            pot = sa.select(Vintage.balance).join(Wallet, Wallet.id == Vintage.wallet_id).where(Wallet.kind == WalletKind.care_pool)
            assert db.session.scalar(pot) == -summed(programme, WalletKind.issuance) == PEOPLE * 3_00
            assert [(v.table, v.row, v.what) for check in checks.CHECKS for v in check.run()] == []
