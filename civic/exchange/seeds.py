"""Neighbours of the demonstration help each other: months of it, through the operations, in every state and both languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.exchange import operations
from civic.exchange.models import Category, Exchange, Listing, ListingKind, Place
from civic.exchange.operations import ListingText, Proposal
from civic.people import records
from civic.people.models import Person, PersonSource
from civic.points import operations as points
from civic.points.models import Programme

SEED = Actor(None, job="seed", channel=Channel.command)
DESK = Actor(None, job="seed", channel=Channel.desk)
BEGIN = 90  # days before the day of the seed
START_POINTS = 6 * 60  # minutes of service each of them gave before, so that there is something to hold

#: who takes part: name and year of birth of the demonstration's people, of several households
LIANG, CHEN, LI, LIN, XIE, LUO, AU, OKONKWO, MAI = (
    ("梁玉珍", 1951), ("陈伟强", 1968), ("李秀英", 1952), ("林伯年", 1938), ("谢国栋", 1960), ("罗惠贞", 1962), ("区志明", 1957),
    ("Michael Chukwuemeka Okonkwo", 1983), ("麦燕玲", 1987),
)  # fmt: skip
Who = tuple[str, int]


def demo() -> None:
    """Made once; a second run changes nothing."""
    if db.session.scalar(sa.select(Listing.id).limit(1)) is not None or db.session.scalar(sa.select(Programme.id).limit(1)) is None:
        return
    people = _people()
    if not {LIANG, CHEN, LI, LIN, XIE, AU, OKONKWO, MAI} <= set(people):
        return
    _Story(people).tell()


def _people() -> dict[Who, Person]:
    """By name and year; of two alike the first."""
    found: dict[Who, Person] = {}
    query = sa.select(Person).where(Person.source == PersonSource.seed, Person.merged_into_id.is_(None), Person.died_on.is_(None))
    for person in db.session.scalars(query.order_by(Person.id)):
        found.setdefault((records.unseal(person.sealed).name, person.birth_year or 0), person)
    return found


@dataclass
class _Story:
    """What happens, in the order of its days."""

    people: dict[Who, Person]

    def tell(self) -> None:
        self._first_points()
        phone = self._list(
            80, LIANG, ListingKind.offer, Category.phone, "教您用手机挂号和付款", "不着急，一步一步来，可以带上自己的手机。", Place.station,
            when="周二、周四下午",
        )  # fmt: skip
        english = self._list(
            78, OKONKWO, ListingKind.offer, Category.lessons, "English conversation, beginners welcome",
            "We talk about everyday things: shopping, the weather, football. Bring a question.", Place.station, lang="en",
            speaks=("en", "cmn"), when="Saturday mornings",
        )  # fmt: skip
        lamp = self._list(
            70, LIN, ListingKind.need, Category.home, "帮忙换客厅的灯管", "灯管已经买好，梯子家里有，就是自己不敢爬。", Place.requesters, actor=DESK,
            when="上午都在家",
        )  # fmt: skip
        clinic = self._list(
            66,
            LI,
            ListingKind.need,
            Category.escort,
            "陪我去社区医院复诊",
            "每月一次，走路二十分钟，帮我拿号、听医生说话。",
            Place.outside,
            speaks=("yue", "cmn"),
        )
        # written at the desk for a woman of ninety who has no phone
        tales = self._list(
            60, ("黎氏福", 1935), ListingKind.offer, Category.company, "讲番禺老故事，教包粽子", "来坐坐就好，喜欢有人听。", Place.helpers, actor=DESK,
            speaks=("yue",), when="吃过午饭以后",
        ) if ("黎氏福", 1935) in self.people else None  # fmt: skip
        walk = self._list(
            50, XIE, ListingKind.offer, Category.company, "早上一起散步，走河边", "慢慢走，四十分钟左右。", Place.outside, when="每天六点半"
        )
        sewing = self._list(45, MAI, ListingKind.offer, Category.crafts, "改衣服、缝拉链", "带上衣服来，当天可取。", Place.helpers)
        self._list(
            30, OKONKWO, ListingKind.need, Category.translation, "Help me read letters from the school",
            "My daughter starts school; about once a week a letter I cannot read.", Place.online, lang="en", speaks=("en", "cmn"),
        )  # fmt: skip
        errands = self._list(
            20, AU, ListingKind.offer, Category.errands, "帮忙买菜、取快递", "下午四点以后有空，五楼以下都送。", Place.requesters
        )
        self._list(10, CHEN, ListingKind.need, Category.phone, "手机总说空间满了", "照片太多，不知道删哪些。", Place.station)
        gone = self._list(75, CHEN, ListingKind.offer, Category.errands, "代收快递", "", Place.helpers)
        paid = self._list(40, AU, ListingKind.offer, Category.home, "通下水道，五十元一次", "", Place.requesters)

        self._done(76, phone, LI, 60, stars=(5, 5), words="教得很耐心，现在会视频了。")
        self._done(72, english, LIANG, 60, stars=(5, 4), words="Very patient with my pronunciation.")
        self._done(64, lamp, CHEN, 30, stars=(5, 5), words="十分钟就换好了。", of=60)
        self._done(55, walk, LIANG, 60, stars=(4, 5), words="")
        self._at(58, lambda: operations.end_listing(SEED, lamp.id, lamp.person_id))
        self._at(70, lambda: operations.end_listing(SEED, gone.id, gone.person_id))
        self._at(39, lambda: operations.stop_listing(SEED, paid.id, "这里只换积分，不收钱。"))
        if tales is not None:
            self._at(25, lambda: operations.pause_listing(DESK, tales.id, tales.person_id))
        self._declined(48, walk, LI)
        self._lapsed(44, english, CHEN)
        self._cancelled(36, sewing, LI)
        self._decided(40, clinic, CHEN)
        self._disputed(12, sewing, LIANG)
        self._silent(2, errands, LI)
        self._agreed(3, clinic, XIE)
        self._proposed(1, phone, AU, "周四下午三点可以吗？")
        self._proposed(1, english, LUO if LUO in self.people else AU, "")
        operations.settle_all_due()

    # ---- the days -----------------------------------------------------------------------------------------------------------
    def _moment(self, days_ago: float, hour: int = 10) -> datetime:
        day = clock.today() - timedelta(days=int(days_ago))
        return datetime.combine(day, time(hour, 0), tzinfo=clock.zone())

    def _at(self, days_ago: float, act: Callable[[], Any], hour: int = 10) -> Any:
        """Do it as if it were then."""
        with clock.frozen(self._moment(days_ago, hour)):
            return act()

    def _first_points(self) -> None:
        day = self._moment(BEGIN).date()
        for number, who in enumerate((LIANG, CHEN, LI, LIN, XIE, AU, MAI, OKONKWO)):
            with clock.frozen(self._moment(BEGIN)):
                points.earn(SEED, f"past-exchange:{number}", 1, self.people[who].id, START_POINTS, day, "visit", "leader")

    def _list(
        self, days_ago: int, who: Who, kind: ListingKind, category: Category, title: str, text: str, place: Place, *,
        actor: Actor = SEED, lang: str = "zh", speaks: tuple[str, ...] = ("cmn", "yue"), when: str = "",
    ) -> Listing:  # fmt: skip
        person = self.people[who]

        def write() -> Listing:
            until = clock.today() + timedelta(days=150)
            words = ListingText(kind, category, title, until, 60, text, lang, speaks, place, when)
            return operations.write_listing(actor, person.id, person.place_id, words)

        made: Listing = self._at(days_ago, write)
        return made

    def _propose(self, days_ago: int, row: Listing, who: Who, minutes: int, words: str, in_days: int = 2) -> tuple[Exchange, int]:
        """An answer of `who`; returns it with her id."""
        her = self.people[who].id
        proposal = Proposal(minutes, self._moment(days_ago - in_days, 15), words)
        return self._at(days_ago, lambda: operations.respond(SEED, row.id, her, proposal)), her

    def _agree(self, days_ago: int, row: Listing, who: Who, minutes: int, words: str = "", in_days: int = 2) -> tuple[Exchange, int]:
        made, her = self._propose(days_ago, row, who, minutes, words, in_days)
        self._at(days_ago, lambda: operations.accept(SEED, made.id, row.person_id), 12)
        return made, her

    def _deliver(self, days_ago: int, row: Listing, who: Who, minutes: int, of: int = 0) -> tuple[Exchange, int, int]:
        """Said to be done by its helper, two days after it was agreed; (exchange, helper, requester)."""
        made, _her = self._agree(days_ago, row, who, of or minutes)
        self._at(days_ago - 2, lambda: operations.deliver(SEED, made.id, made.helper_id, minutes), 17)
        return made, made.helper_id, made.requester_id

    def _done(self, days_ago: int, row: Listing, who: Who, minutes: int, *, stars: tuple[int, int], words: str, of: int = 0) -> None:
        made, helper, requester = self._deliver(days_ago, row, who, minutes, of)
        self._at(days_ago - 2, lambda: operations.confirm(SEED, made.id, requester), 19)
        self._at(days_ago - 2, lambda: operations.rate(SEED, made.id, requester, stars[0], words), 20)
        self._at(days_ago - 3, lambda: operations.rate(SEED, made.id, helper, stars[1]), 9)

    def _declined(self, days_ago: int, row: Listing, who: Who) -> None:
        made, _her = self._propose(days_ago, row, who, 60, "")
        self._at(days_ago, lambda: operations.decline(SEED, made.id, row.person_id, "这周脚疼，过些天再走。"), 13)

    def _lapsed(self, days_ago: int, row: Listing, who: Who) -> None:
        self._propose(days_ago, row, who, 60, "")
        self._at(days_ago - 3, operations.settle_all_due)

    def _cancelled(self, days_ago: int, row: Listing, who: Who) -> None:
        made, her = self._agree(days_ago, row, who, 60)
        self._at(days_ago - 1, lambda: operations.cancel(SEED, made.id, her, "衣服已经在家改好了，谢谢。"))

    def _decided(self, days_ago: int, row: Listing, who: Who) -> None:
        """Delivered, disputed, answered, decided at half."""
        made, helper, requester = self._deliver(days_ago, row, who, 120)
        self._at(days_ago - 3, lambda: operations.open_dispute(SEED, made.id, requester, "只陪到医院门口，没有陪我看医生。"))
        self._at(days_ago - 4, lambda: operations.answer_dispute(SEED, made.id, helper, "医院不让家属以外的人进诊室，我在门口等到她出来。"))
        words = "两位都说了实情：路上和等候算一小时。"
        self._at(days_ago - 6, lambda: operations.decide_dispute(SEED, made.id, 60, words))

    def _disputed(self, days_ago: int, row: Listing, who: Who) -> None:
        made, _helper, requester = self._deliver(days_ago, row, who, 60)
        self._at(days_ago - 3, lambda: operations.open_dispute(SEED, made.id, requester, "拉链缝好第二天又坏了。"))

    def _silent(self, days_ago: int, row: Listing, who: Who) -> None:
        """Said to be done, waits for the other's word."""
        made, _her = self._propose(days_ago, row, who, 60, "", in_days=1)
        self._at(days_ago, lambda: operations.accept(SEED, made.id, row.person_id), 12)
        self._at(days_ago - 1, lambda: operations.deliver(SEED, made.id, made.helper_id, 60), 17)

    def _agreed(self, days_ago: int, row: Listing, who: Who) -> None:
        self._agree(days_ago, row, who, 120, "我陪您去。", in_days=days_ago + 2)

    def _proposed(self, days_ago: int, row: Listing, who: Who, words: str) -> None:
        self._propose(days_ago, row, who, 60, words, in_days=days_ago + 3)
