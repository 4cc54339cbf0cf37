"""A year of points of the demonstration, through the operations, with nothing that a check finds."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as hour
from itertools import count
from typing import Any

import sqlalchemy as sa

from civic.bulletin import operations as bulletin
from civic.bulletin.operations import PostingText
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.closes import close_day
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.core.workdays import Unit
from civic.people import records
from civic.people.models import Person, PersonSource
from civic.points import checks, operations
from civic.points.errors import NotEnoughPoints
from civic.points.models import (
    Policy,
    PolicyState,
    Programme,
    Rate,
    Transfer,
    Vintage,
)
from civic.points.operations import donations, hints, proposals
from civic.points.operations.reports import make_missing
from civic.territory.models import Territory, TerritoryKind

SEED = Actor(None, job="seed", channel=Channel.command)
TYPES = ("patrol", "visit", "cleaning", "escort", "first_aid", "company")  # codes of labels.SERVICES
#: in their last three months these, by year of birth, help each other instead (civic/exchange/seeds.py): a ledger is written in order of time
NEIGHBOURS, QUARTER = {1951, 1952, 1960, 1968, 1983, 1987}, 91
LAST_YEAR = 400  # days before the day of the seed: the programme begins
BEFORE, BESIDE = 0, -1  # who made and who checked the first rules: nobody with an account here
ASKS, DECIDES = (Actor(account, job="seed", channel=Channel.command) for account in (BEFORE, BESIDE))
#: people of the story below, by name and year of birth: none of them is drawn by chance, none takes part in exchanges
HUANG, GUO, SU, HU, TANG = WHO = (("黄少芬", 1943), ("郭婉珊", 1995), ("苏月娥", 1940), ("胡建军", 1990), ("唐小芳", 1992))


def demo() -> None:
    """A year of a dozen volunteers: service, corrections, gifts, goods, and the closes of all its days; a second run changes nothing."""
    district = db.session.scalars(sa.select(Territory).where(Territory.kind == TerritoryKind.district).order_by(Territory.id)).first()
    if district is None or db.session.scalar(sa.select(Programme.id).limit(1)) is not None:
        return
    today = clock.today()
    begin = today - timedelta(days=LAST_YEAR)
    with clock.frozen(noon(begin - timedelta(days=20))):
        programme = operations.open_programme(SEED, district.id, "PY", "番禺志愿积分", "Panyu volunteer points")
    district_id, programme_id = district.id, programme.id
    _rules(district_id, programme_id, begin, today)
    _history(programme_id, begin, today)


def close_books() -> None:
    """After every module's acts of the past: the closes of all days, and the months' reports.  A second run changes nothing."""
    close_day(checks.BOOK, clock.today() - timedelta(days=1))
    make_missing()


def noon(day: date) -> datetime:
    return datetime.combine(day, hour(12), tzinfo=clock.zone()).astimezone(UTC)


# ---- rules ------------------------------------------------------------------------------------------------------------------


def _rules(district_id: int, programme_id: int, begin: date, today: date) -> None:
    """Two versions, each posted before it counted: the second gives back-filled hours half."""
    later = today - timedelta(days=200)
    first = {("*", "*"): 100, ("*", "backfill"): 100}
    version(district_id, programme_id, f"{begin.year}-1", begin, first)
    with atomic():
        done = db.session.scalar(sa.select(sa.func.count(Policy.id)).where(Policy.number.startswith(f"{later.year}-"))) or 0
    version(district_id, programme_id, f"{later.year}-{done + 1}", later, {("*", "*"): 100, ("*", "backfill"): 50})


def version(district_id: int, programme_id: int, number: str, from_on: date, rates: Mapping[tuple[str, str], int]) -> None:
    zh, en = f"积分规则 {number} 公示", f"Rules of points {number}"
    text = PostingText(
        zh, en, "每小时 1 积分，每天最多计 8 小时，账户上限 1500 积分，多出的进入关爱池。补录的时长按规则所列折算。",
        "One point an hour, eight hours a day at most, 1,500 points in a wallet, what is more goes to the care pool. "
        "Back-filled hours count as the rules say.",
        days=7, unit=Unit.calendar_day, basis="志愿服务记录与证明出具办法", masking="",
    )  # fmt: skip
    with clock.frozen(noon(from_on - timedelta(days=18))):
        posting = bulletin.post(SEED, f"points_rules:{number}", district_id, text)
    with clock.frozen(noon(from_on - timedelta(days=1))):
        bulletin.end_due_postings()
        db.session.refresh(posting)
        bulletin.close_posting(SEED, posting.id, posting.lock_version, "无异议，按期施行。", "No objection; in force as posted.")
        with atomic():
            policy = Policy(
                programme_id=programme_id, number=number, from_on=from_on, maker_id=BEFORE, checker_id=BESIDE, posting_id=posting.id,
                note_zh=text.body_zh, note_en=text.body_en, decided_at=clock.now(),
            )  # fmt: skip
            policy.rates += [Rate(service_type=kind, hour_class=level, rate=rate) for (kind, level), rate in rates.items()]
            db.session.add(policy)
            db.session.flush()
            policy.state = PolicyState.adopted


# ---- the demonstration's year -----------------------------------------------------------------------------------------------


def _history(programme_id: int, begin: date, today: date) -> None:
    """About four hundred acts, month by month in one transaction each."""
    chance = random.Random("points")
    who = (Person.source == PersonSource.seed, Person.birth_year.between(1945, 2005))
    volunteers = dict(db.session.execute(sa.select(Person.id, Person.birth_year).where(*who).order_by(Person.id).limit(14)).all())
    numbers, day, story = count(1), begin, _Story.of(programme_id, today)
    with atomic():
        wallets = {person_id: operations.wallet_of_person(programme_id, person_id) for person_id in volunteers}
    while day < today:
        end = min(today, day + timedelta(days=30))
        with atomic():
            for at in range((end - day).days):
                on = day + timedelta(days=at)
                is_late = on >= today - timedelta(days=QUARTER)
                story.day(on)
                serving = {i: wallet for i, wallet in wallets.items() if not is_late or volunteers[i] not in NEIGHBOURS}
                _day_of(chance, on, serving, numbers)
        day = end


def _day_of(chance: random.Random, on: date, wallets: Mapping[int, int], numbers: Iterator[int]) -> None:
    """Each act some minutes after the one before: two gifts of a wallet in one moment would be shown as one."""
    begin, minutes = noon(on) + timedelta(hours=chance.randint(1, 7)), count(0, 7)

    def then() -> AbstractContextManager[None]:
        return clock.frozen(begin + timedelta(minutes=next(minutes)))

    for person_id in chance.sample(sorted(wallets), k=1 if on.weekday() < 5 else 3):
        if chance.random() < 0.55:
            with then():
                _serve(chance, person_id, on, f"past:{next(numbers)}")
    if chance.random() < 0.25:
        with then():
            _use(chance, chance.choice(sorted(wallets.values())), f"goods:{next(numbers)}")
    if chance.random() < 0.03:
        with then():
            _give(chance.choice(sorted(wallets.values())))


def _serve(chance: random.Random, person_id: int, on: date, source: str) -> None:
    minutes, level = chance.choice([60, 90, 120, 140, 180, 240]), chance.choices(["system", "leader", "backfill"], [7, 2, 1])[0]
    kind = chance.choice(TYPES)
    operations.earn(SEED, source, 1, person_id, minutes, on, kind, level)
    if chance.random() < 0.04:  # found out later: she had left an hour earlier
        with clock.frozen(clock.now() + timedelta(hours=2)):
            operations.earn(SEED, source, 2, person_id, minutes - 30, on, kind, level)


def _use(chance: random.Random, wallet_id: int, source: str) -> None:
    """Goods of the love supermarket: held, then collected whole or in part, given back or left to lapse."""
    try:
        held = operations.hold(
            SEED, wallet_id, chance.choice([1_00, 1_50, 2_00, 4_00]), source=source, until=clock.now() + timedelta(hours=3)
        )
    except NotEnoughPoints:
        return
    fate = chance.random()
    with clock.frozen(clock.now() + timedelta(hours=1)):
        if fate < 0.75:
            operations.settle(SEED, held.id)
        elif fate < 0.85:
            operations.settle(SEED, held.id, held.amount // 2)
        elif fate < 0.95:
            operations.void(SEED, held.id)


def _give(wallet_id: int) -> None:
    try:
        operations.donate(SEED, wallet_id, 2_00)
    except NotEnoughPoints:
        return


# ---- what happens seldom ----------------------------------------------------------------------------------------------------


@dataclass
class _Story:
    """Acts that need two people, or that chance might leave out, each on its day: so that no page of the desk is empty."""

    programme_id: int
    today: date
    people: dict[tuple[str, int], int]
    acts: dict[date, list[Callable[[], object]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, programme_id: int, today: date) -> _Story:
        """Without acts where other people were seeded than those of the demonstration."""
        found: dict[tuple[str, int], int] = {}
        query = sa.select(Person).where(Person.source == PersonSource.seed, Person.birth_year.in_({year for _name, year in WHO}))
        for person in db.session.scalars(query.order_by(Person.id)):
            found.setdefault((records.unseal(person.sealed).name, person.birth_year or 0), person.id)
        made = cls(programme_id, today, found)
        if set(WHO) <= set(found):
            made._elder()
            made._newcomers()
            made._second_person()
            made._sudden()
        return made

    def day(self, on: date) -> None:
        """What happens in the morning of this day, one act after the other."""
        for number, act in enumerate(self.acts.get(on, ())):
            with clock.frozen(noon(on) - timedelta(hours=3) + timedelta(minutes=11 * number)):
                act()

    def _on(self, days_ago: int, *acts: Callable[[], object]) -> None:
        self.acts[self.today - timedelta(days=days_ago)].extend(acts)

    def _wallet(self, who: tuple[str, int]) -> int:
        return operations.wallet_of_person(self.programme_id, self.people[who])

    def _served(
        self, who: tuple[str, int], minutes: int, source: str, revision: int = 1, *, donate_only: bool = False
    ) -> Callable[[], object]:
        def serve() -> object:
            on = clock.today() - timedelta(days=revision - 1)  # what is corrected was done the day before
            return operations.earn(SEED, source, revision, self.people[who], minutes, on, "company", "leader", donate_only)

        return serve

    def _granted(
        self, kind: str, who: tuple[str, int], amount: int, why: str, answer: str = "", *, approve: bool | None = True, **more: bool
    ) -> None:
        """Asked for by one and decided by the other; approve None: it waits."""
        ask = proposals.propose_opening if kind == "opening" else proposals.propose_grant
        row = ask(ASKS, self._wallet(who), amount, why, **more)
        if approve is not None:
            with clock.frozen(clock.now() + timedelta(hours=2)):
                proposals.decide(DECIDES, row.id, approve, answer)

    def _elder(self) -> None:
        """Twenty years of service from an old list, up to the cap of 1,500: what she earns flows over, and she gives away."""
        words = "二十年的义工手册，三本都看过，合计 1496 小时。", "手册和街道的名单对得上。"
        self._on(380, lambda: self._granted("opening", HUANG, 1_496_00, *words))
        for number in range(3):  # 1,496.00 and three times 2.00: 4.00 stay, 2.00 flow over
            self._on(360 - number, self._served(HUANG, 120, f"elder:{number}"))
        self._on(340, self._served(HUANG, 60, "elder:given", donate_only=True))
        self._on(330, lambda: operations.donate(SEED, self._wallet(HUANG), 20_00))
        self._on(320, lambda: donations.give(SEED, self.people[HUANG], donations.Way.household, 30_00))
        self._on(310, lambda: donations.give(SEED, self.people[HUANG], donations.Way.household_pool, 5_00))

    def _newcomers(self) -> None:
        """Brought along from elsewhere; an hour too many; goods that nobody collected."""
        self._on(300, lambda: self._granted("opening", GUO, 8_00, "在原来社区的积分卡上有 8 分，卡已收回。"))
        self._on(290, self._served(GUO, 120, "newcomer:1"))
        self._on(289, self._served(GUO, 60, "newcomer:1", 2))
        self._on(280, self._left_behind)

    def _left_behind(self) -> None:
        held = operations.hold(SEED, self._wallet(GUO), 1_50, source="goods:left", until=clock.now() + timedelta(hours=3))
        with clock.frozen(clock.now() + timedelta(hours=4)):
            operations.expire(SEED, held.id)

    def _second_person(self) -> None:
        """From the care pool, newly issued, taken back, refused, and two that wait."""
        ill = "腿骨折，三个月不能出门，请关爱池帮一把。"
        self._on(150, lambda: self._granted("grant", SU, 10_00, ill, "家访过，情况属实。", from_pool=True))
        self._on(120, lambda: self._granted("grant", HU, 3_00, "防汛值守一夜。", from_pool=False))
        self._on(110, self._taken_back)
        self._on(60, lambda: self._granted("grant", GUO, 50_00, "想换一台电饭煲。", "关爱池帮有困难的人，不换商品。", approve=False))
        self._on(3, lambda: self._granted("grant", SU, 5_00, "换药还要一个月。", approve=None, from_pool=True))
        self._on(2, lambda: self._granted("opening", HU, 6_00, "在老家社区有 6 分，附照片。", approve=None))

    def _taken_back(self) -> None:
        """The night of the flood was another man's of the same name."""
        given = db.session.scalars(sa.select(Transfer.id).where(Transfer.credit_id.in_(self._pots(HU))).order_by(Transfer.id)).first()
        if given is None:
            raise ValueError("the grant comes before its reversal")
        row = proposals.propose_reversal(ASKS, given, "同名，值守的是另一位胡建军。")
        with clock.frozen(clock.now() + timedelta(hours=2)):
            proposals.decide(DECIDES, row.id, True, "名单已核对。")

    def _pots(self, who: tuple[str, int]) -> sa.Select[Any]:
        return sa.select(Vintage.id).where(Vintage.wallet_id == self._wallet(who))

    def _sudden(self) -> None:
        """Four long days in one week of somebody who never came before: a hint, and the desk freezes until it has looked."""
        monday = hints.week_of(self.today - timedelta(days=14))[0]
        ago = (self.today - monday).days
        for number in range(4):
            self._on(ago - number, self._served(TANG, 480, f"sudden:{number}"))
        self._on(ago - 7, hints.run, lambda: operations.freeze(SEED, self._wallet(TANG), "suspicion"))
