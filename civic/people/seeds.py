"""About sixty invented people in the three communities of the demonstration; written by the operations that the desk uses.

Among them: three of one name (two born in the same year), a mother and daughter with one phone, somebody from abroad, people registered
elsewhere, a guardianship, a proxy, a death, a collective household.  Names, numbers and phones belong to nobody: the numbers of the
cards end in orders that the demonstration counts up itself, the phones lie in a range that is not given out (+86 100 0000 xxxx would
be no phone, so 199 0000 0xxx is used).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

import sqlalchemy as sa
from stdnum.iso7064 import mod_11_2

from civic import paths
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.people import operations, queries
from civic.people.models import (
    ContactKind,
    DocumentKind,
    HomeRelation,
    HouseholdRelation,
    Person,
    PersonSource,
    RepresentationKind,
)
from civic.people.operations import NewContact, NewDocument, NewHome, NewPerson
from civic.people.records import Record
from civic.territory.models import Building, Home, Territory

SEED = Actor(None, job="seed", channel=Channel.command)
RELATION = dict(zip("hscpgGbo", HouseholdRelation, strict=True))


@dataclass(frozen=True)
class Family:
    """A household: building, room, its people line by line.

    A line: relation letter (h head, s spouse, c child, p parent, g grandparent, G grandchild, b sibling, o other), name, second name
    or `-`, birth day, f or m, then words: `p7` a phone with these last digits, `v` verified, `none` no document, `USA`, `HKG` a passport
    or permit of that country, `away` registered elsewhere.
    """

    building: str
    room: str
    lines: str
    relation: HomeRelation = HomeRelation.lives_in


FAMILIES = (
    Family("440113010901-B003", "101", "h 梁玉珍 - 1951-02-11 f p1 v|c 梁伟强 - 1975-09-03 m p2 v|G 梁嘉怡 - 2003-06-21 f p2"),
    Family(
        "440113010901-B003",
        "202",
        "h 陈伟强 - 1968-04-17 m p3 v|s 李秀英 - 1970-12-05 f p3 v|c 陈子轩 - 2011-08-30 m|p 黄少芬 - 1943-01-09 f",
    ),
    Family("440113010901-B003", "301", "h 李秀英 - 1970-03-28 f p4 v"),
    Family("440113010901-B007", "604", "h 李秀英 - 1952-07-14 f p5"),
    Family("440113010901-B005", "402", "h 周丽华 - 1949-05-06 f p6 v|c 周敏仪 - 1978-11-19 f p6 v|G 何子晴 - 2014-02-02 f"),
    Family(
        "440113010901-B005",
        "501",
        "h 阿依古丽·买买提 Ayguli 1988-03-21 f p7 away|s 艾力·吐尔逊 Eli 1985-10-10 m p8 away|c 迪丽娜尔·艾力 - 2016-05-25 f away",
    ),
    Family(
        "440113010901-B008",
        "703",
        "h Michael_Chukwuemeka_Okonkwo 迈克尔 1983-07-02 m p9 NGA|s 麦燕玲 - 1987-04-13 f p10 v|c 麦乐恩 - 2018-09-09 m",
    ),
    Family("440113010901-B008", "204", "h 谢国栋 - 1960-06-30 m p11 v|s 罗惠贞 - 1962-08-08 f p11 v"),
    Family("440113010901-B013", "201", "h 胡建军 - 1990-01-15 m p12 away|s 唐小芳 - 1992-02-29 f p13 away|c 胡一诺 - 2020-12-01 f away"),
    Family("440113010901-B023", "805", "h 区志明 - 1957-10-01 m p14 v"),
    Family("440113010901-B018", "102", "h 郭婉珊 - 1995-11-11 f p15 HKG"),
    Family("440113010901-B026", "302", "h 林伯年 - 1938-03-03 m p16 v|s 苏月娥 - 1940-09-22 f p16 v"),
    Family(
        "440113010902-B001",
        "201",
        "h 邓锦荣 - 1966-05-18 m p17 v|s 冯少玲 - 1969-07-27 f p18 v|c 邓颖欣 - 1996-03-12 f p19 v|c 邓浩然 - 2001-10-05 m p20",
    ),
    Family("440113010902-B003", "302", "h 张伟 - 1985-06-06 m p21 away|s 王芳 - 1986-08-16 f p22 away|c 张梓涵 - 2013-01-30 f"),
    Family("440113010902-B004", "402", "h 张伟 - 1985-12-24 m p23 v"),
    Family("440113010902-B006", "501", "h 植少梅 - 1955-04-04 f p24 v|c 孔令辉 - 1981-02-20 m p25 v|o 孔繁森 - 1989-05-15 m none"),
    Family("440113010902-B009", "101", "h 叶顺好 - 1947-08-12 f p26"),
    Family(
        "440113010902-B010",
        "202",
        "h 欧阳志远 - 1979-09-29 m p27 v|s 赖春燕 - 1982-03-07 f p28 v|c 欧阳嘉树 - 2009-07-19 m|c 欧阳嘉禾 - 2012-11-23 f",
    ),
    Family("440113010902-B011", "301", "h 曾宪梓 - 1972-02-08 m p29 away"),
    Family(
        "440113118901-B002",
        "1",
        "h 黎炳坤 - 1953-12-12 m p30 v|s 黎陈氏 - 1956-01-20 f p30 v|c 黎耀祖 - 1982-06-18 m p31 v|G 黎子聪 - 2008-04-26 m",
    ),
    Family("440113118901-B004", "1", "h 黎桂芳 - 1961-03-15 f p32 v"),
    Family("440113118901-B006", "203", "h 石彩云 - 1993-10-28 f p33 away|b 石永福 - 1997-05-31 m p34 away", HomeRelation.collective),
    Family("440113118901-B008", "301", "h 霍伟雄 - 1964-11-02 m p35 v|s 卢少琼 - 1967-09-13 f p35 v"),
    Family("440113118901-B012", "1", "h 黎氏福 - 1935-06-01 f none"),
    Family(
        "440113118901-B013",
        "1",
        "h 黎国强 - 1970-05-21 m p36 v|s 何美玲 - 1973-08-17 f p37 v|c 黎俊杰 - 1999-12-03 m p38|p 黎容氏 - 1944-10-10 f",
    ),
)


def demo() -> None:
    """Make them once; a second run changes nothing."""
    if db.session.scalar(sa.select(Person.id).where(Person.source == PersonSource.seed).limit(1)) is not None:
        return
    zh, en = ((paths.DATA / "notices" / f"privacy_{lang}.txt").read_text(encoding="utf-8") for lang in ("zh", "en"))
    operations.publish_notice(SEED, zh, en, clock.today())
    orders = count(101)
    made = [person for family in FAMILIES for person in _family(family, orders)]
    _relations({(p.name, p.year): p for p in made})


@dataclass(frozen=True)
class Made:
    """A person that was made, as the relations below name her."""

    id: int
    name: str
    year: int


def _family(family: Family, orders: Iterator[int]) -> list[Made]:
    home_id, place_id = _home(family.building, family.room)
    lines = [_line(line, orders) for line in family.lines.split("|")]
    household = operations.fill_household(
        SEED, place_id, NewHome(family.relation, home_id, "", date(2019, 3, 1)), [new for new, _words in lines], source=PersonSource.seed
    )
    members = queries.household_view(household.id).members
    for member, (_new, words) in zip(members, lines, strict=True):
        if "away" in words:
            operations.set_home(SEED, member.person.id, NewHome(HomeRelation.registered_at, None, "湖南省衡阳市衡南县", date(2019, 3, 1)))
        if "v" in words:
            document = queries.documents_of(member.person.id)[0]
            operations.verify_person(SEED, member.person.id, document.id)
    return [Made(m.person.id, m.person.name, m.person.birth_year or 0) for m in members]


def _home(building: str, room: str) -> tuple[int, int]:
    """(home, community).  Raises ValueError when the lists of the demonstration do not hold it."""
    query = (
        sa.select(Home.id, Territory.parent_id)
        .join(Building, Building.id == Home.building_id)
        .join(Territory, Territory.id == Building.grid_id)
        .where(Building.code == building)
        .order_by(Home.room != room, Home.room)
        .limit(1)
    )
    found = db.session.execute(query).one_or_none()
    if found is None or found[1] is None:
        raise ValueError(f"no home in {building}")
    return found[0], found[1]


def _line(line: str, orders: Iterator[int]) -> tuple[NewPerson, list[str]]:
    letter, name, second, birth_on, sex, *words = line.split(" ")
    record = Record(name.replace("_", " "), second.strip("-"), birth_on, {"f": "female", "m": "male"}[sex])
    order = next(orders)
    documents = () if "none" in words else (_document(record, order, words),)
    phones = [w for w in words if w[0] == "p" and w[1:].isdigit()]
    contacts = tuple(NewContact(ContactKind.phone, f"1990000{int(p[1:]):04d}") for p in phones)
    foreign = next((w for w in words if w in {"NGA", "HKG"}), "CHN")
    record = replace(record, nationality=foreign if foreign == "NGA" else "CHN")
    return NewPerson(record, RELATION[letter], documents, contacts, "en" if foreign == "NGA" else ""), words


def _document(record: Record, order: int, words: list[str]) -> NewDocument:
    if "NGA" in words:
        return NewDocument(DocumentKind.passport, f"A{order:08d}", "NGA", checked=True)
    place, kind = ("810000", DocumentKind.hmt_permit) if "HKG" in words else ("440113", DocumentKind.resident_card)
    if "away" in words:
        place = "430422"
    odd = order * 2 % 900 + (record.sex == "male")
    digits = f"{place}{record.birth_on.replace('-', '')}{odd:03d}"
    return NewDocument(kind, digits + mod_11_2.calc_check_digit(digits), checked="v" in words)


def _relations(people: dict[tuple[str, int], Made]) -> None:
    """Guardianship, proxy, parents, a death, a household that others joined, wishes for corrections, a merge that waits."""
    today = clock.today()
    who = lambda name, year: people[name, year].id  # noqa: E731 - a word, eight times
    add, kinds = operations.add_representation, RepresentationKind
    add(SEED, who("孔繁森", 1989), who("植少梅", 1955), kinds.guardian, date(2020, 6, 1), None, "区人民法院 2020 年判决书")
    add(SEED, who("林伯年", 1938), who("苏月娥", 1940), kinds.proxy, date(2025, 9, 1), date(2027, 8, 31), "本人当面委托")
    add(SEED, who("陈子轩", 2011), who("陈伟强", 1968), kinds.parent, date(2019, 3, 1), date(2029, 8, 29), "户口簿")
    operations.record_death(SEED, who("叶顺好", 1947), max(date(2026, 9, 3), date(2019, 3, 2)) if today >= date(2026, 9, 3) else today)
    operations.issue_card(SEED, who("梁玉珍", 1951))
    operations.ask_correction(SEED, who("周丽华", 1949), "contact", "电话换了，请改成女儿的号码。")
    operations.ask_correction(SEED, who("黎氏福", 1935), "birth", "身份证丢了，生日应为农历六月初一，请核对户口簿。")
