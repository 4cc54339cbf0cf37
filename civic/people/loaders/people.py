"""The list of people, one row each.  `ref` is the list's own number of a person, `household` its own number of a household (户号).

New rows are written in bulk; of a changed row only what the list changed since it was loaded last.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load import sealed
from civic.core.load.kinds import Change, Column, ColumnKind, Loader, Row
from civic.core.viewer import Actor
from civic.people import queries, signals
from civic.people.loaders import changes as changing
from civic.people.loaders.bulk import Draw, Line, write_households, write_people
from civic.people.loaders.checks import ROLES, check
from civic.people.loaders.rows import HOUSEHOLD, KIND, PERSON, Homes, homes_of, homes_wanted, person_of, place_of
from civic.people.models import HouseholdRelation, Person, PersonSource

CODE, DAY = ColumnKind.code, ColumnKind.day
RELATIONS = (
    ("户主", "head"), ("本人", "head"), ("配偶", "spouse"), ("妻", "spouse"), ("妻子", "spouse"), ("夫", "spouse"), ("丈夫", "spouse"),
    ("子", "child"), ("女", "child"), ("儿子", "child"), ("女儿", "child"), ("长子", "child"), ("长女", "child"), ("次子", "child"),
    ("次女", "child"), ("子女", "child"), ("父", "parent"), ("母", "parent"), ("父亲", "parent"), ("母亲", "parent"), ("父母", "parent"),
    ("祖父", "grandparent"), ("祖母", "grandparent"), ("祖父母", "grandparent"), ("孙子", "grandchild"), ("孙女", "grandchild"),
    ("外孙", "grandchild"), ("外孙女", "grandchild"), ("兄弟姐妹", "sibling"), ("兄", "sibling"), ("弟", "sibling"), ("姐", "sibling"),
    ("妹", "sibling"), ("其他", "other"), ("儿媳", "other"), ("女婿", "other"),
)  # fmt: skip
DOCUMENTS = (
    ("身份证", "resident_card"), ("居民身份证", "resident_card"), ("港澳台居民居住证", "hmt_permit"), ("居住证", "hmt_permit"),
    ("回乡证", "home_return_permit"), ("港澳居民来往内地通行证", "home_return_permit"), ("护照", "passport"),
    ("外国人永久居留身份证", "permanent_card"), ("永久居留证", "permanent_card"),
)  # fmt: skip


def _apply(actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        homes = homes_of(homes_wanted(change.row for change in changes))
        new = [change.row for change in changes if change.is_new]
        if new:
            _write_new(actor, new, homes)
        changing.write(actor, [change for change in changes if not change.is_new], homes)
        tx.touch(queries.TOPIC)


def _write_new(actor: Actor, rows: Sequence[Row], homes: Homes) -> None:
    draw = Draw()
    households = households_of(rows, homes, draw)
    lines = []
    for row in rows:
        died_on = row.day("died_on")
        line = Line(
            person_of(row),
            place_of(row, homes),
            households[_household_key(row)],
            tuple(homes.ties(row)),
            died_on or clock.today(),
            died_on,
        )
        lines.append(line)
    ids = write_people(actor, lines, PersonSource.list, draw)
    sealed.remember(PERSON, {row.text("ref"): id_ for row, id_ in zip(rows, ids, strict=True)})
    for id_, line in zip(ids, lines, strict=True):
        audit.record(actor, "people.created", "person", id_, household=line.household_id)
    changing.settle(sorted({line.household_id for line in lines}))
    if signals.person_created.receivers:
        for person in db.session.scalars(sa.select(Person).where(Person.id.in_(ids)).order_by(Person.id)):
            signals.person_created.send(person, actor=actor)


def _household_key(row: Row) -> str:
    """A row without a household's number is a household of its own."""
    return row.text("household") or f"\n{row.text('ref')}"


def households_of(rows: Sequence[Row], homes: Homes, draw: Draw) -> dict[str, int]:
    """The household of each row; those that the list names for the first time are made, and remembered under its number."""
    wanted = {_household_key(row): place_of(row, homes) for row in reversed(rows)}
    found = sealed.recall(HOUSEHOLD, (key for key in wanted if not key.startswith("\n")))
    missing = [key for key in wanted if key not in found]
    made = dict(zip(missing, write_households([wanted[key] for key in missing], draw), strict=True))
    sealed.remember(HOUSEHOLD, {key: id_ for key, id_ in made.items() if not key.startswith("\n")})
    return {**found, **made}


PEOPLE = Loader(
    kind=KIND,
    title=_l("People and households"),
    columns=(
        Column("ref", CODE, required=True, most=60, titles=("编号", "序号", "人员编号")),
        Column("household", CODE, optional=True, most=60, titles=("户号", "户编号", "家庭编号")),
        Column(
            "relation",
            optional=True,
            choices=tuple(r.value for r in HouseholdRelation),
            words=RELATIONS,
            titles=("与户主关系", "与户主的关系", "关系"),
        ),
        Column("name", required=True, most=200, titles=("姓名", "名字", "居民姓名")),
        Column("second_name", optional=True, most=200, titles=("别名", "曾用名", "英文名", "第二姓名")),
        Column("birth", DAY, optional=True, titles=("出生日期", "出生年月日", "生日")),
        Column("sex", optional=True, choices=("female", "male"), words=(("女", "female"), ("男", "male")), titles=("性别",)),
        Column(
            "document",
            optional=True,
            choices=("resident_card", "hmt_permit", "home_return_permit", "passport", "permanent_card"),
            words=DOCUMENTS,
            titles=("证件类型", "证件种类"),
        ),
        Column("country", CODE, optional=True, most=3, words=(("中国", "CHN"),), titles=("签发国", "国籍代码", "国籍")),
        Column("number", CODE, optional=True, most=40, titles=("身份证号", "身份证号码", "证件号码", "证件号", "公民身份号码")),
        Column("valid_to", DAY, optional=True, words=(("长期", ""),), titles=("有效期至", "证件有效期")),
        Column("phone", CODE, optional=True, most=40, titles=("手机", "手机号", "手机号码", "电话", "联系电话", "联系方式")),
        Column("mail", optional=True, most=254, titles=("邮箱", "电子邮箱", "电子邮件")),
        Column("building", CODE, optional=True, most=40, titles=("楼栋编码", "楼栋", "建筑编码", "标准地址编码")),
        Column("room", CODE, optional=True, most=20, titles=("房号", "室号", "房间号", "门牌")),
        Column("registered_building", CODE, optional=True, most=40, titles=("户籍楼栋编码", "户籍楼栋")),
        Column("registered_room", CODE, optional=True, most=20, titles=("户籍房号",)),
        Column("registered_elsewhere", optional=True, most=200, titles=("户籍地址", "户籍地", "户口所在地")),
        Column("lang", optional=True, choices=("zh", "en"), words=(("中文", "zh"), ("英文", "en")), titles=("语言",)),
        Column("died_on", DAY, optional=True, titles=("死亡日期", "去世日期")),
    ),
    key=("ref",),
    order=60,
    check=check,
    apply=_apply,
    roles=ROLES,
    personal=True,
    least=60,  # 60 people take about 40 ms of the write lock on a free machine
)
