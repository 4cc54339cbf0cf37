"""Invented people in invented households: for the village that comes with the program, the synthetic district and the benchmarks.

The same chance gives the same people.  Nobody of them exists: identity numbers have the area of the district, true check digits and
orders from 900 on (lists 900 to 949, the district 950 to 999, so that both may stand on one site); phones run up from 199 0000 0000.
`python -m civic.people.invented FOLDER` writes the lists of data/village.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from stdnum.iso7064 import mod_11_2

AREA = "440113"
LIST_ORDERS, DISTRICT_ORDERS = (900, 949), (950, 999)
FIRST_PHONE = 19_900_000_000
SURNAMES = "陈黎梁黄李何郭林吴张王刘周罗冯区邓曾谢苏韩卢简孔邱麦屈叶朱钟"
WEIGHTS = [18, 12, 11, 10, 9, 8, 7, 6, 6, 6, 5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2]
MALE = [
    "志强",
    "伟明",
    "文辉",
    "国华",
    "建军",
    "家豪",
    "俊杰",
    "锦荣",
    "永康",
    "浩然",
    "子轩",
    "嘉乐",
    "启东",
    "耀祖",
    "炳坤",
    "德成",
    "伟",
    "强",
    "明",
    "辉",
]
FEMALE = [
    "美玲",
    "秀芳",
    "丽珍",
    "慧敏",
    "婉仪",
    "嘉欣",
    "晓彤",
    "雪梅",
    "月娥",
    "淑贤",
    "佩珊",
    "诗雅",
    "静怡",
    "桂兰",
    "惠英",
    "颖",
    "芳",
    "敏",
    "丽",
    "婷",
]
SIGNS = {"male": "志伟文国建家俊锦永浩子嘉启耀炳德泽铭宇鸿", "female": "美秀丽慧婉嘉晓雪月淑佩诗静桂惠颖思雨乐琳"}
FROM_AFAR = ("湖南省衡阳市", "广西壮族自治区玉林市", "四川省达州市", "河南省信阳市", "江西省赣州市", "湖北省荆州市", "贵州省遵义市")
FOREIGN = (
    ("JPN", "Tanaka Misaki", "female"), ("KOR", "Kim Minjun", "male"), ("FRA", "Claire Dubois", "female"), ("GBR", "Oliver Hughes", "male"),
    ("NGA", "Chinedu Okafor", "male"), ("IND", "Priya Nair", "female"), ("DEU", "Jonas Weber", "male"), ("VNM", "Nguyen Thi Lan", "female"),
    ("BRA", "Maria Aparecida da Conceicao Albuquerque de Oliveira e Souza", "female"), ("PAK", "Ahmed Raza", "male"),
)  # fmt: skip
MINORITY = (("阿依古丽·买买提", "female"), ("买买提·吐尔逊", "male"), ("扎西顿珠", "male"), ("卓玛", "female"))


@dataclass
class Invented:
    """One invented person.  document: '' for the few who have none."""

    relation: str
    name: str
    birth: date
    sex: str
    document: str = "resident_card"
    country: str = "CHN"
    number: str = ""
    phone: str = ""
    second_name: str = ""
    elsewhere: str = ""
    lang: str = ""


@dataclass
class Village:
    """The state of an invention: who comes next.  today: nobody is born later.  limits: first and last order of identity numbers."""

    chance: random.Random
    today: date
    limits: tuple[int, int] = LIST_ORDERS
    orders: dict[str, int] = field(default_factory=dict)
    people: int = 0
    phones: int = 0
    strangers: int = 0

    def households(self) -> Iterator[list[Invented]]:
        """Households without end; three generations, families, couples, people alone, and workers who share a home."""
        kinds = (self._three_generations, self._family, self._old_couple, self._alone, self._workers, self._foreigners)
        while True:
            (make,) = self.chance.choices(kinds, (24, 39, 14, 11, 9, 3))
            members = make()
            for each in members:
                self._papers(each)
            self._share_phones(members)
            self.people += len(members)
            yield members

    # ---- households -----------------------------------------------------------------------------------------------------------

    def _three_generations(self) -> list[Invented]:
        family = self._family()
        head = family[0]
        parents = [
            self._person("parent", self._older(head.birth, 22, 32), "male", head.name[0]),
            self._person("parent", self._older(head.birth, 20, 30), "female"),
        ]
        if self.chance.random() < 0.4:
            parents = parents[1:]
        return family + parents

    def _family(self) -> list[Invented]:
        head = self._person("head", self._aged(28, 55), "male")
        wife = self._person("spouse", head.birth + timedelta(days=self.chance.randrange(-900, 1800)), "female")
        births = [self._born_of(wife.birth) for _ in range(self.chance.choice((1, 1, 1, 2, 2, 3)))]
        children = [self._person("child", birth, self.chance.choice(("male", "female")), head.name[0]) for birth in births if birth]
        return [head, wife, *children]

    def _old_couple(self) -> list[Invented]:
        head = self._person("head", self._aged(60, 92), "male")
        return [head, self._person("spouse", head.birth + timedelta(days=self.chance.randrange(0, 2500)), "female")]

    def _alone(self) -> list[Invented]:
        found = self._person("head", self._aged(22, 95), self.chance.choice(("male", "female")))
        if self.chance.random() < 0.05:
            found.name, found.sex = self.chance.choice(MINORITY)
        return [found]

    def _workers(self) -> list[Invented]:
        """Registered in another province, living here together."""
        afar = self.chance.choice(FROM_AFAR)
        count = self.chance.choice((1, 2, 2, 3))
        found = [self._person("other", self._aged(19, 50), self.chance.choice(("male", "female"))) for _ in range(count)]
        found[0].relation = "head"
        for each in found:
            each.elsewhere = afar
        return found

    def _foreigners(self) -> list[Invented]:
        """Passports of ten countries, or people from Hong Kong with a home-return permit or a residence permit."""
        if self.chance.random() < 0.5:
            country, name, sex = FOREIGN[self.strangers % len(FOREIGN)]
            self.strangers += 1
            return [Invented("head", name, self._aged(22, 60), sex, "passport", country, lang="en")]
        found = self._person("head", self._aged(25, 70), self.chance.choice(("male", "female")))
        found.document = self.chance.choice(("home_return_permit", "hmt_permit"))
        return [found]

    # ---- people ---------------------------------------------------------------------------------------------------------------

    def _person(self, relation: str, birth: date, sex: str, surname: str = "") -> Invented:
        surname = surname or self.chance.choices(SURNAMES, WEIGHTS)[0]
        common = MALE if sex == "male" else FEMALE
        given = self.chance.choice(common) if self.chance.random() < 0.45 else "".join(self.chance.choices(SIGNS[sex], k=2))
        return Invented(relation, surname + given, min(birth, self.today), sex)

    def _aged(self, least: int, most: int) -> date:
        return self.today - timedelta(days=self.chance.randrange(least * 365, most * 365))

    def _older(self, birth: date, least: int, most: int) -> date:
        return birth - timedelta(days=self.chance.randrange(least * 365, most * 365))

    def _born_of(self, mother: date) -> date | None:
        """Some day between her 20th and 39th year, if it has begun."""
        first, last = mother + timedelta(days=20 * 365), min(mother + timedelta(days=39 * 365), self.today)
        return first + timedelta(days=self.chance.randrange((last - first).days)) if first < last else None

    def _papers(self, each: Invented) -> None:
        """Identity number, and a phone for most people between 12 and 85."""
        age = (self.today - each.birth).days // 365
        if each.document == "resident_card" and self.chance.random() < 0.004:
            each.document = ""  # born a few days ago, or papers lost
        elif each.document in {"resident_card", "hmt_permit"}:
            each.number = self._resident_number("810000" if each.document == "hmt_permit" else AREA, each)
        elif each.document == "home_return_permit":
            each.number = f"H{self.chance.randrange(10**9):010d}"
        else:
            each.number = f"{self.chance.choice('ABEGKLMX')}{self.chance.randrange(10**7):08d}"
        if 12 <= age <= 85 and self.chance.random() < 0.8:
            each.phone = str(FIRST_PHONE + self.phones)
            self.phones += 1

    def _resident_number(self, area: str, each: Invented) -> str:
        """Area, birth day, order (odd for men), check digit by ISO 7064 MOD 11-2; none that looks zeroed by a spreadsheet."""
        start = f"{area}{each.birth:%Y%m%d}"
        key = f"{start}{each.sex}"
        while True:
            order = self.orders.get(key, self.limits[0] + (each.sex == "male"))
            if order > self.limits[1]:
                each.birth -= timedelta(days=1)
                return self._resident_number(area, each)
            self.orders[key] = order + 2
            number = f"{start}{order}"
            number += mod_11_2.calc_check_digit(number)
            if not number.endswith("000"):
                return number

    def _share_phones(self, members: list[Invented]) -> None:
        """A child under 12 may be reached through the mother, an old parent through the head."""
        reachable = [each for each in members if each.phone and each.relation in {"head", "spouse"}]
        for each in members:
            if not each.phone and reachable and self.chance.random() < 0.5:
                each.phone = reachable[-1 if each.relation == "child" else 0].phone


# ---- the village of data/village --------------------------------------------------------------------------------------------

PLACE = "440113118901"
GRIDS = (f"{PLACE}01", f"{PLACE}02", f"{PLACE}03")
STREETS = (("南涌大街", "Nanchong High Street"), ("祠堂街", "Temple Street"), ("涌边路", "Creek Road"), ("新村路", "New Village Road"))
ROOMS = ("101", "201", "301", "401")
HOUSES, PEOPLE, SEED, AS_OF = 260, 3000, 1958, date(2026, 11, 25)
DEATHS = (("parent", date(2026, 3, 2)), ("spouse", date(2026, 9, 17)))


def building_rows() -> Iterator[dict[str, str]]:
    """Houses of the village beside those of data/panyu."""
    for number in range(1, HOUSES + 1):
        zh, en = STREETS[number % len(STREETS)]
        house = number // len(STREETS) + 1
        yield {
            "code": building(number), "grid_code": GRIDS[number % len(GRIDS)], "street_zh": zh, "street_en": en, "number": str(house),
            "name_zh": f"{zh}{house}号", "name_en": f"{house} {en}", "homes": ";".join(ROOMS), "valid_from": "2012-01-01", "valid_to": "",
        }  # fmt: skip


def building(number: int) -> str:
    return f"{PLACE}-V{number:03d}"


def people_rows(count: int = PEOPLE, seed: int = SEED, prefix: str = "NC") -> Iterator[dict[str, str]]:
    """Rows of the list of people: as many as asked for, in the village's homes, two of them dead."""
    village = Village(random.Random(seed), AS_OF)  # noqa: S311 - invented data
    homes = [(building(house), room) for room in ROOMS for house in range(1, HOUSES + 1)]
    written = 0
    for at, members in enumerate(village.households()):
        code, room = homes[at % len(homes)]
        for each in members:
            written += 1
            yield _row(each, f"{prefix}{written:05d}", f"{prefix}H{at + 1:05d}", code, room)
            if written == count:
                return


def _row(each: Invented, ref: str, household: str, code: str, room: str) -> dict[str, str]:
    is_here = not each.elsewhere and each.document == "resident_card"
    return {
        "ref": ref, "household": household, "relation": each.relation, "name": each.name, "second_name": each.second_name,
        "birth": each.birth.isoformat(), "sex": each.sex, "document": each.document, "country": each.country if each.document else "",
        "number": each.number, "valid_to": "", "phone": each.phone, "mail": "", "building": code, "room": room,
        "registered_building": code if is_here else "", "registered_room": room if is_here else "",
        "registered_elsewhere": each.elsewhere, "lang": each.lang, "died_on": "",
    }  # fmt: skip


def village_rows() -> list[dict[str, str]]:
    """The people of data/village: an old parent and an old wife have died this year."""
    rows = list(people_rows())
    for relation, day in DEATHS:
        oldest = min((row for row in rows if row["relation"] == relation and row["birth"] < "1950"), key=lambda row: row["birth"])
        oldest["died_on"] = day.isoformat()
    return rows


def write_lists(folder: Path) -> None:
    """buildings.csv and people.csv, as `civic load` takes them."""
    for name, rows in (("buildings.csv", list(building_rows())), ("people.csv", village_rows())):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    write_lists(Path(sys.argv[1]))
