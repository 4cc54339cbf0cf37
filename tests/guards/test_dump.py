"""Whoever copies the database, the data folder or the logs learns no name, number, address or word of anybody: on both engines.

A community lives through everything that is written about people, by the real operations, pages, loads and messages; then every
column of every table, every file and every line that was logged is searched for each value, in the forms in which it could stand.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask

from civic.accounts import second_step
from civic.accounts.models import Account, Grant, Identity, IdentityKind, TicketKind, UserSession
from civic.accounts.operations import identities, tickets
from civic.bulletin import operations as bulletin
from civic.bulletin.operations import PostingText
from civic.core import clock, crypto, misses
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.load import mapping
from civic.core.load.engine import plan_load
from civic.core.load.runs import run_load
from civic.core.messages.models import Message
from civic.core.viewer import Actor, Role, Scope, Viewer
from civic.core.workdays import Unit
from civic.exchange import operations as exchange
from civic.exchange.models import Category, ListingKind
from civic.exchange.operations import ListingText, Proposal
from civic.people import operations as people
from civic.people import queries
from civic.people.loaders import PEOPLE
from civic.people.models import (
    ContactKind,
    DocumentKind,
    HomeRelation,
    HouseholdRelation,
    LookKind,
    Person,
    PersonSource,
    RepresentationKind,
)
from civic.people.operations import NewContact, NewDocument, NewHome, NewPerson
from civic.people.records import Record
from civic.points import operations as points
from civic.territory.models import Building, Home, Territory, TerritoryKind
from tests.guards.dump import dumped, files_of, finds, forms_of, logged
from tests.support.people import resident_number
from tests.support.points import adopt

#: what nobody may find: name → value
VALUES = {
    "name": "欧阳晓燕",
    "second name": "Wilhelmina Kowalczyk",
    "phone": "+8613826451937",
    "mail": "xiaoyan.ouyang1961@example.cn",
    "document": resident_number("1961-03-17", 268),
    "birth day": "1961-03-17",
    "elsewhere": "湖南省衡阳市石鼓区青草桥街88号",
    "evidence": "出示了广州市荔湾区法院的监护判决书",
    "reason of a look": "她的煤气阀没有关好要马上通知",
    "reason of a merge": "两次登记时姓氏写法不一样",
    "wish": "我的曾用名当年抄错了一个字",
    "answer": "已经按户口簿原件改正过来",
    "care note": "独自居住腿脚不便每周探望",
    "care kind": "low_income",
    "objection": "候选人名单里漏掉了三栋二单元",
    "objector": "司徒美堂",
    "objector's contact": "situ.meitang@example.cn",
    "subscriber": "reader.of.news@example.cn",
    "name in a list": "慕容雪村",
    "number in a list": resident_number("1974-11-29", 113),
    "phone in a list": "+8613926458871",
    "origin in a list": "贵州省黔东南苗族侗族自治州凯里市",
    "name in a refused row": "诸葛青云",
    "number in a refused row": resident_number("1983-06-21", 335)[:-1] + "X",
    "looked up in vain": "+8613700992255",
    "words of a neighbour": "我住在三楼右手边门铃坏了请敲门",
    "objection to a neighbour": "她只坐了十分钟就说头晕回家了",
    "answer of a neighbour": "那天晚上我陪她量过两次血压",
    "decision about neighbours": "两位都说清楚了按半小时计算",
    "words of a rating": "性子急了些但手脚很勤快",
    "reason of a stop": "有居民反映他私下收取现金",
}
TOLD = ("2026年度低保对象名单公示", "榕树社区", "陪老人去医院复诊拿药")  # what everybody may read, and therefore what the search must find


@dataclass
class Life:
    """A community on a database of its own.  drawn: secrets that the site made on the way."""

    app: Flask
    place: Territory
    home: Home
    account: Account
    colleague: Account
    drawn: dict[str, str] = field(default_factory=dict)

    @property
    def clerk(self) -> Actor:
        return Actor(self.account.id)

    @property
    def other(self) -> Actor:
        return Actor(self.colleague.id)


def settle(app: Flask) -> Life:
    """District, community, grid, building, home, two colleagues."""
    made: list[Any] = []
    with atomic():
        parent, path = None, "/"
        for kind, code, name in (
            (TerritoryKind.district, "440113", "番禺区"),
            (TerritoryKind.street, "440113009", "石碁街"),
            (TerritoryKind.community, "440113009001", "榕树社区"),
            (TerritoryKind.grid, "440113009001-01", "第一网格"),
        ):
            path += f"{code}/"
            parent = Territory(kind=kind, code=code, name_zh=name, name_en=code, path=path, parent_id=parent.id if parent else None)
            db.session.add(parent)
            db.session.flush()
            made.append(parent)
        building = Building(code="B-1", grid_id=made[3].id, street_zh="榕荫里", street_en="Rongyin Lane", number="18")
        db.session.add(building)
        db.session.flush()
        home = Home(building_id=building.id, room="301")
        db.session.add(home)
        colleagues = [Account(login=f"window{n}", name=f"窗口{n}") for n in (1, 2)]
        db.session.add_all(colleagues)
        db.session.flush()
        today = clock.today()
        db.session.add_all(Grant(account_id=each.id, role=Role.manager, territory_id=made[2].id, from_on=today) for each in colleagues)
    return Life(app, made[2], home, *colleagues)


@pytest.fixture
def life(live_app: Flask) -> Iterator[Life]:
    civic = live_app.extensions["civic"]
    civic.settings = dataclasses.replace(civic.settings, base_url="http://127.0.0.1:8000")  # mails hold whole addresses
    with live_app.app_context():
        yield settle(live_app)


# ---- what happens there -----------------------------------------------------------------------------------------------------
def refused(call: Any, *args: Any, **values: Any) -> None:
    """A rule says no, and what it says is logged as whoever runs the site would do it."""
    with pytest.raises(DomainError) as told:
        call(*args, **values)
    logging.getLogger("civic.guard").warning("refused %s %s %s", told.value.code, told.value.context, told.value.message)


def people_are_recorded(life: Life) -> tuple[Person, Person]:
    """A woman with everything, her second row, a household that is filled in one go; refusals on the way."""
    record = Record(VALUES["name"], VALUES["second name"], VALUES["birth day"], "female")
    document = NewDocument(DocumentKind.resident_card, VALUES["document"], checked=True)
    contacts = [NewContact(ContactKind.phone, VALUES["phone"], confirmed=True), NewContact(ContactKind.mail, VALUES["mail"])]
    homes = [NewHome(HomeRelation.lives_in, life.home.id), NewHome(HomeRelation.registered_at, elsewhere=VALUES["elsewhere"])]
    known = {"source": PersonSource.desk, "evidence": VALUES["evidence"]}
    woman = people.create_person(life.clerk, life.place.id, record, documents=[document], contacts=contacts, homes=homes, **known)
    refused(people.create_person, life.clerk, life.place.id, record, source=PersonSource.desk, documents=[document])
    wrong = NewDocument(DocumentKind.resident_card, VALUES["document"][:-1] + ("1" if VALUES["document"][-1] != "1" else "2"))
    refused(people.create_person, life.clerk, life.place.id, record, source=PersonSource.desk, documents=[wrong])
    twin = people.create_person(life.clerk, life.place.id, record, source=PersonSource.desk, contacts=contacts)
    child = NewPerson(Record("欧阳" + "小雨", birth_on="2018-02-03"), HouseholdRelation.child)
    people.fill_household(
        life.clerk, life.place.id, NewHome(HomeRelation.lives_in, life.home.id), [NewPerson(record, HouseholdRelation.head), child]
    )
    return woman, twin


def her_life_goes_on(life: Life, woman: Person, twin: Person) -> None:
    """Verified, corrected, looked at, in care, represented; merged with her second row and apart again; dead by mistake; moved out."""
    today = clock.today()
    document = queries.documents_of(woman.id)[0]
    people.verify_person(life.clerk, woman.id, document.id, VALUES["evidence"])
    _card, token = people.issue_card(life.clerk, woman.id)
    people.choose_code(life.clerk, woman.id, "4938")
    life.drawn |= {"token of a card": token}
    people.set_care(life.clerk, woman.id, VALUES["care kind"], today, VALUES["care note"])
    people.reveal(life.clerk, woman.id, LookKind.phone, "call", VALUES["reason of a look"])
    people.note_look(life.clerk, [woman.id], LookKind.care, "care", VALUES["reason of a look"])
    refused(people.reveal, life.clerk, woman.id, LookKind.document, "", "")
    wish = people.ask_correction(life.clerk, woman.id, "name", VALUES["wish"])
    people.answer_correction(life.clerk, wish.id, True, VALUES["answer"])
    people.add_representation(life.clerk, woman.id, twin.id, RepresentationKind.proxy, today, evidence=VALUES["evidence"])
    fresh = db.session.get_one(Person, woman.id, populate_existing=True)
    people.correct_person(life.clerk, woman.id, fresh.lock_version, Record(VALUES["name"], "", VALUES["birth day"]), VALUES["evidence"])
    people.record_death(life.clerk, woman.id, today, VALUES["evidence"])
    people.undo_death(life.clerk, woman.id, VALUES["evidence"])
    people.move_out(life.clerk, [woman.id], VALUES["elsewhere"], today, VALUES["evidence"])
    child = people.record_birth(life.clerk, twin.id, Record("欧阳" + "小满", birth_on=today.isoformat()), VALUES["evidence"])
    people.record_death(life.clerk, child.id, today, VALUES["evidence"])


def two_rows_are_merged(life: Life, woman: Person, twin: Person) -> None:
    merge = people.ask_merge(life.clerk, twin.id, woman.id, VALUES["reason of a merge"])
    people.decide_merge(life.other, merge.id, True, from_above=True)
    people.ask_undo(life.clerk, merge.id, VALUES["reason of a merge"])
    people.undo_merge(life.other, merge.id)


def somebody_is_looked_up(life: Life) -> None:
    """By name, by phone and by document, found and in vain."""
    who = Viewer(life.account.id, scopes=(Scope(Role.clerk, life.place.path),), is_two_step=True)
    for words in ("欧阳", VALUES["name"], VALUES["phone"], VALUES["document"], VALUES["looked up in vain"]):
        queries.find(who, words)


def she_gets_a_login(life: Life, woman: Person) -> None:
    secret = second_step.new_secret()
    life.drawn |= {"secret of the second step": secret}
    with atomic():
        account = Account(login="banyan", name="榕树下的猫", person_id=woman.id)
        db.session.add(account)
        db.session.flush()
        db.session.add(
            Identity(account_id=account.id, kind=IdentityKind.totp, secret=crypto.encrypt(secret, "totp"), confirmed_at=clock.now())
        )
        identities.add_identity(account.id, IdentityKind.mail, VALUES["mail"])
        identities.add_identity(account.id, IdentityKind.phone, VALUES["phone"])


def she_forgets_her_password(life: Life, woman: Person) -> None:
    """Links and codes by mail and text message, a slip; what they hold opens her account, so a dump must not."""
    account_id = db.session.scalars(sa.select(Account.id).where(Account.person_id == woman.id)).one()
    tickets.send_link(tickets.VISITOR, TicketKind.reset_mail, VALUES["mail"], "accounts/reset", "/account/forgotten/%s", lang="zh")
    tickets.send_link(
        tickets.VISITOR, TicketKind.register_mail, VALUES["subscriber"], "accounts/register", "/account/register/%s", lang="zh"
    )
    tickets.send_code(life.clerk, TicketKind.sign_in_phone, VALUES["phone"], "accounts/sign_in_code", account_id=account_id, lang="zh")
    life.drawn |= {"slip": tickets.print_slip(life.clerk, woman.id)}
    sealed = db.session.scalars(sa.select(Message.sealed).where(Message.topic == tickets.TOPIC)).all()
    words = "\n".join(json.loads(crypto.decrypt(each, "message"))["body"] for each in sealed)
    for path in ("forgotten", "register"):
        found = re.search(rf"/account/{path}/([\w-]{{20,}})", words)
        assert found is not None, words
        life.drawn |= {f"link of {path}": found[1]}


def neighbours_help_each_other(life: Life, woman: Person) -> None:
    """An offer that everybody may read, and what is said between two neighbours, which nobody else may."""
    programme = points.open_programme(life.clerk, life.place.parent.parent.id, "PY", "积分", "Points")
    adopt(programme.id)
    neighbour = people.create_person(life.clerk, life.place.id, Record("陈" + "静仪", birth_on="1979-05-06"), source=PersonSource.desk)
    points.earn(life.clerk, "given:1", 1, woman.id, 240, clock.today(), "other", "system")
    text = ListingText(ListingKind.offer, Category.escort, TOLD[2], clock.today() + timedelta(days=30))
    offer, other = (exchange.write_listing(life.other, neighbour.id, life.place.id, text) for _n in range(2))
    for listing in (offer, other):
        proposal = Proposal(60, clock.now() + timedelta(days=1), VALUES["words of a neighbour"])
        row = exchange.respond(life.clerk, listing.id, woman.id, proposal)
        exchange.say(life.clerk, row.id, woman.id, VALUES["words of a neighbour"])
        exchange.accept(life.other, row.id, neighbour.id)
        if listing is other:
            exchange.stop(life.other, row.id, VALUES["reason of a stop"])
            exchange.stop_listing(life.other, listing.id, VALUES["reason of a stop"])
            continue
        with clock.frozen(proposal.meet_at):  # nothing is reported before the day on which they meet
            exchange.deliver(life.other, row.id, neighbour.id, 60, VALUES["words of a neighbour"])
            exchange.open_dispute(life.clerk, row.id, woman.id, VALUES["objection to a neighbour"])
            exchange.answer_dispute(life.other, row.id, neighbour.id, VALUES["answer of a neighbour"])
            exchange.decide_dispute(Actor(None, job="test"), row.id, 30, VALUES["decision about neighbours"])
            exchange.rate(life.clerk, row.id, woman.id, 3, VALUES["words of a rating"])


def a_posting_is_objected_to(life: Life, woman: Person) -> None:
    text = PostingText(TOLD[0], "Public posting", "名单贴在公示栏。", "The list hangs on the board.", 5, Unit.working_day)
    posting = bulletin.draft_posting(life.clerk, life.place.id, None, text)
    bulletin.put_up(life.clerk, posting.id, posting.lock_version)
    visitor = Actor(None, job="visitor")
    said = bulletin.object_to(visitor, posting.id, VALUES["objection"], name=VALUES["objector"], contact=VALUES["objector's contact"])
    bulletin.object_to(life.clerk, posting.id, VALUES["objection"], person_id=woman.id)
    bulletin.answer_objection(life.clerk, said.id, "已经核对。", "Checked.")
    bulletin.ask_by_mail(visitor, life.place.id, VALUES["subscriber"], "zh")
    sealed = db.session.scalars(sa.select(Message.sealed).where(Message.topic == "bulletin-confirm")).one()
    link = re.search(r"/bulletin/subscribe/([\w-]{20,})", json.loads(crypto.decrypt(sealed, "message"))["body"])
    assert link is not None
    life.drawn |= {"link of a subscription": link[1]}


def lists_are_loaded(life: Life) -> None:
    """A list is loaded, changed and loaded again; one is refused, one was never a list of people."""
    head = ("编号", "户号", "姓名", "证件类型", "身份证号", "手机", "楼栋编码", "房号", "户籍地址")
    row = ["1", "1", VALUES["name in a list"], "身份证", VALUES["number in a list"], VALUES["phone in a list"], "B-1", "301"]
    mapping.remember(life.clerk, head, PEOPLE, mapping.guess(PEOPLE, head))
    assert load(life, head, [*row, VALUES["origin in a list"]]) == 0
    load(life, head, [*row[:6], "", "", VALUES["origin in a list"]])
    bad = ["2", "2", VALUES["name in a refused row"], "身份证", VALUES["number in a refused row"], "", "B-1", "999", ""]
    assert load(life, head, bad) > 0, "the second list was meant to be refused"


def load(life: Life, head: tuple[str, ...], *rows: list[str]) -> int:
    """Load a sheet; returns how many rows were refused."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for line in (head, *rows):
        sheet.append(line)
    target = io.BytesIO()
    book.save(target)
    plan = plan_load([("people.xlsx", target.getvalue())], actor=life.clerk)
    logging.getLogger("civic.guard").info("load %s", plan.report.as_json())
    if not plan.report.rejected:
        run_load(life.clerk, plan)
    return len(plan.report.rejected)


def pages_are_opened(life: Life, woman: Person) -> None:
    """What a clerk types at the desk and a visitor at the doors: found, refused, in vain."""
    people.publish_notice(life.clerk, "告知", "Notice", clock.today())
    token, now = secrets.token_urlsafe(32), clock.now()
    life.drawn |= {"cookie of a session": token}
    until = {"last_seen_at": now, "expires_at": now + timedelta(hours=9), "two_step_at": now}
    with atomic():
        db.session.add(UserSession(account_id=life.account.id, token_hash=crypto.token_hash(token), device="Firefox", **until))
    clerk, visitor = life.app.test_client(), life.app.test_client()
    with clerk.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    for words in (VALUES["name"], VALUES["phone"], VALUES["document"], VALUES["looked up in vain"]):
        found = clerk.submit("/desk/people/", {"words": words}, status=303)
        clerk.get(found.headers["Location"], status=200)
    typed = {"name": VALUES["name"], "document_kind": "resident_card", "document_number": VALUES["document"], "mail": VALUES["mail"]}
    assert clerk.submit("/desk/people/new", typed).status_code in {409, 422}
    address = f"/desk/people/{woman.uid}/show/document"
    told = clerk.submit(address, {"purpose": "check", "reason": VALUES["reason of a look"]}, status=200)
    assert VALUES["document"] in told.get_data(as_text=True)
    for login in (VALUES["mail"], VALUES["phone"], VALUES["looked up in vain"]):
        visitor.submit("/account/sign-in", {"login": login, "password": "not hers at all"})
    visitor.submit("/account/register/phone", {"p-phone": VALUES["looked up in vain"]}, page="/account/register", status=303)
    visitor.submit("/account/forgotten/mail", {"m-mail": VALUES["mail"]}, page="/account/forgotten", status=303)
    visitor.get("/search", query_string={"q": VALUES["phone"]}, status=200)


def live(life: Life) -> None:
    woman, twin = people_are_recorded(life)
    somebody_is_looked_up(life)
    neighbours_help_each_other(life, woman)
    two_rows_are_merged(life, woman, twin)
    her_life_goes_on(life, woman, twin)
    she_gets_a_login(life, woman)
    she_forgets_her_password(life, woman)
    a_posting_is_objected_to(life, woman)
    lists_are_loaded(life)
    pages_are_opened(life, woman)
    misses.write_gathered(life.app)


# ---- the search -------------------------------------------------------------------------------------------------------------
def test_nothing_about_anybody_lies_open(life, tmp_path):
    with logged() as told:
        live(life)
    db.session.remove()
    tables = dumped()
    written = [name for name, content in tables.items() if content]
    assert len(written) > 25, written
    places = {f"table {name}": content for name, content in tables.items()} | told
    places |= {f"file {name}": content for name, content in files_of(tmp_path).items()}
    assert finds(VALUES, places) == []
    assert finds(life.drawn, places, drawn=True) == []
    for open_value in TOLD:
        assert finds({"told": open_value}, tables), f"{open_value} is told to everybody, so the search must find it"
    assert "refused" in told["log as text"]
    assert '"event"' in told["log as json"]


# ---- the search itself ------------------------------------------------------------------------------------------------------
CLOTHES = {
    "bare": "…欧阳晓燕…",
    "JSON": r'"\u6b27\u9633\u6653\u71d5"',
    "address": "?q=%E6%AC%A7%E9%98%B3%E6%99%93%E7%87%95",
    "pinyin": "ouyangxiaoyan",
    "capitals": "OU YANG XIAO YAN",
    "hexadecimal": "欧阳晓燕".encode().hex(),
    "hash": hashlib.sha256("欧阳晓燕".encode()).hexdigest(),
    **{f"base64 {n}": base64.b64encode(b"x" * n + "欧阳晓燕的".encode()).decode() for n in range(4)},
    "base64url": base64.urlsafe_b64encode("我欧阳晓燕".encode()).decode(),
}


@pytest.mark.parametrize("told", CLOTHES.values(), ids=CLOTHES)
def test_the_search_finds_a_name_in_its_clothes(told):
    assert finds({"name": "欧阳晓燕"}, {"here": told})
    assert not finds({"name": "诸葛青云"}, {"here": told})


def test_the_search_finds_a_phone_and_a_day_as_people_write_them():
    for told in ("13826451937", "138 2645 1937", "138-2645-1937", "tel:+8613826451937"):
        assert finds({"phone": "+8613826451937"}, {"here": told}), told
    for told in ("1961年3月17日", "19610317", "1961/03/17"):
        assert finds({"day": "1961-03-17"}, {"here": told}), told
    assert all(len(form.encode()) >= 6 for form in forms_of("+8613826451937").values())


def test_the_search_reads_tables_files_and_logs(life, tmp_path):
    with logged() as told, atomic():
        db.session.add(Account(login="open", name=VALUES["name"]))
        logging.getLogger("civic.guard").info("said %s", VALUES["phone"])
    (tmp_path / "left.csv").write_text(VALUES["mail"])
    assert [find.split(",")[0] for find in finds({"name": VALUES["name"]}, dumped())][:1] == ["name lies open in account"]
    assert finds({"phone": VALUES["phone"]}, {"log": told["log as text"]})
    assert finds({"phone": VALUES["phone"]}, {"log": told["log as json"]})
    assert finds({"mail": VALUES["mail"]}, files_of(tmp_path))
