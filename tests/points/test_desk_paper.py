"""At the desk for somebody without a phone: told what she has, handed her statement, given away as she says; and every refusal."""

from __future__ import annotations

import json
import re
from datetime import date
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.messages.models import Message
from civic.core.viewer import NOBODY, Actor, Channel, Role, Scope, Viewer
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people.models import HouseholdRelation, Membership, Verification
from civic.points import operations, policies, queries
from civic.points.errors import NotEnoughPoints, OwnHousehold, WalletClosed
from civic.points.models import Transfer, WalletKind
from civic.points.operations.desk import close_wallet
from civic.points.operations.donations import DESK_TOPIC, Way, give, give_beside
from civic.points.policies import Holder
from tests.points.test_pages import words_in
from tests.points.test_statement import CLERK, DAY, grant
from tests.support.client import hidden_fields
from tests.support.people import COLLEAGUE
from tests.support.points import adopt, free, summed

AT_DESK = Actor(77, channel=Channel.desk)


@pytest.fixture
def enter(site, make_account, sign_in, place):
    """`enter(role)`: the browser of somebody with this role in the community, in English; `account_id` of hers."""

    def make(role: str = "clerk", territory=place, person=None):
        account = make_account(role, territory)
        if person is not None:
            with atomic():
                db.session.merge(account).person_id = person.id
        browser = site.test_client()
        sign_in(browser, account)
        browser.set_cookie("civic_lang", "en")
        browser.account_id = account.id
        return browser

    return make


@pytest.fixture
def clerk(enter):
    return enter()


@pytest.fixture
def somebody(make_person, make_wallet):
    """`somebody(name, birth, points)`: id and uid alone, because reading an expired row before a browser writes would undo what it writes."""

    def make(name: str, birth: str = "1958-03-04", points: int | None = None):
        person = make_person(name, birth)
        if points is not None:
            grant(make_wallet(person=person), points)
        found = SimpleNamespace(id=person.id, uid=person.uid)
        db.session.rollback()
        return found

    return make


@pytest.fixture
def woman(programme, somebody):
    """Of 68, without a phone, with 10 points."""
    return somebody("何敏华", points=10_00)


def page(browser, address: str, status: int = 200) -> str:
    return re.sub(r"\s+", " ", browser.get(address, status=status).get_data(as_text=True))


def beside(person, rest: str = "") -> str:
    return f"/desk/points/people/{person.uid}{rest}"


def wallet_of(person) -> int:
    found = queries.mine(person.id).own
    db.session.rollback()
    assert found is not None
    return found.id


def in_wallet(person) -> int:
    wallet_id = wallet_of(person)
    found = free(wallet_id)
    db.session.rollback()
    return found


def pool(programme) -> int:
    db.session.rollback()
    return summed(programme.id, WalletKind.care_pool)


def looks_at(person) -> int:
    found = len(people_queries.looks_at(person.id))
    db.session.rollback()
    return found


def live_with(person, other) -> None:
    """`other` moves into the household of `person`."""
    with atomic():
        row = db.session.scalars(sa.select(Membership).where(Membership.person_id == other.id)).one()
        row.household_id, row.relation = people_queries.household_of(person.id).id, HouseholdRelation.child


def told(person) -> list[dict[str, str]]:
    rows = list(db.session.scalars(sa.select(Message).where(Message.receiver_id == person.id, Message.topic == DESK_TOPIC.name)))
    return [{**json.loads(crypto.decrypt(row.sealed, "message")), "href": row.href} for row in rows]


def lines_of(verb: str) -> list[AuditEvent]:
    return list(db.session.scalars(sa.select(AuditEvent).where(AuditEvent.verb == verb).order_by(AuditEvent.id)))


SURE = {"way": "pool", "amount": "2.5", "sure": "yes"}


# ---- telling and printing ---------------------------------------------------------------------------------------------------
def test_the_clerk_comes_from_her_page_and_reads_what_is_there(clerk, woman):
    operations.hold(CLERK, wallet_of(woman), 3_00, source="order:9", until=clock.now() + DAY)
    assert beside(woman) in page(clerk, f"/desk/people/{woman.uid}")
    text = page(clerk, beside(woman))
    assert "Points of 何敏华" in text
    for number in ("<b>7.00</b>", "<b>3.00</b>", "<b>10.00</b>"):
        assert number in text
    assert "Granted" in text
    assert "−3.00" in text
    assert "/desk/points/wallets/" not in text  # rows and freezing are not hers


def test_what_runs_out_next_is_told(clerk, programme, somebody):
    adopt(programme.id, "2026-2", date(2026, 2, 1), expiry_years=2)
    person = somebody("何敏华", points=1_00)
    grant(wallet_of(person), 2_00, 2025)
    text = page(clerk, beside(person))
    assert "Will expire next" in text
    assert "Points of 2025, until Fri 31 Dec 2027" in text


def test_the_page_asks_the_same_however_many_lines_there_are(clerk, woman, count_queries):
    counts = []
    for times in (0, 8):
        for _each in range(times):
            give(CLERK, woman.id, Way.household, 10)
        page(clerk, beside(woman))
        with count_queries() as seen:
            page(clerk, beside(woman))
        counts.append(len(seen))
    assert max(counts) <= 40, "\n".join(each[:150] for each in seen)
    assert counts[1] - counts[0] <= 4  # the household's wallet came


def test_her_statement_is_printed_for_a_month_or_all(clerk, woman):
    text = page(clerk, beside(woman))
    assert 'value="2026-11"' in text
    fields = f"?wallet={queries.mine(woman.id).own.uid}"
    db.session.rollback()
    every = clerk.get(beside(woman, f"/statement.pdf{fields}"), status=200)
    assert every.mimetype == "application/pdf"
    assert every.headers["Cache-Control"] == "private, no-store"
    words = words_in(every.data)
    assert "何敏华" in words
    assert "+10.00" in words
    assert "No points moved" in words_in(clerk.get(beside(woman, f"/statement.pdf{fields}&month=2026-10"), status=200).data)


def test_the_households_statement_is_printed_for_whoever_may_use_it(clerk, woman, somebody):
    give(CLERK, woman.id, Way.household, 4_00)
    household = queries.mine(woman.id).household
    number, uid = queries.household_number(household.household_id), household.uid
    db.session.rollback()
    assert "Household's wallet" in page(clerk, beside(woman))
    assert number in words_in(clerk.get(beside(woman, f"/statement.pdf?wallet={uid}"), status=200).data)
    child = somebody("何小树", "2016-05-06")
    live_with(woman, child)
    assert "Household's wallet" not in page(clerk, beside(child))
    clerk.get(beside(child, f"/statement.pdf?wallet={uid}"), status=404)


def test_another_persons_wallet_and_gift_are_not_reached_through_hers(clerk, woman, somebody):
    other = somebody("陈静", points=5_00)
    uid, row = queries.mine(other.id).own.uid, give(CLERK, other.id, Way.pool, 1_00)
    db.session.rollback()
    clerk.get(beside(woman, f"/statement.pdf?wallet={uid}"), status=404)
    clerk.get(beside(woman, f"/donations/{row}"), status=404)
    clerk.get(beside(woman, f"/donations/{10**25}"), status=404)
    clerk.get(beside(other, f"/donations/{row}"), status=200)


@pytest.mark.parametrize("rest", ["", "/statement.pdf", "/give"])
def test_each_look_is_a_line_that_she_reads(clerk, woman, rest):
    before = looks_at(woman)
    clerk.get(beside(woman, rest), status=200)
    assert looks_at(woman) == before + 1


def test_a_merged_row_leads_to_the_one_that_stays_whose_community_decides(clerk, enter, woman, make_person, make_community):
    elsewhere = make_community()
    twice, stranger = make_person("何敏华", place=elsewhere), enter("manager", elsewhere)
    uid = twice.uid
    merge = people.ask_merge(CLERK, twice.id, woman.id, "twice the same")
    people.decide_merge(COLLEAGUE, merge.id, True)
    before = looks_at(woman)
    text = page(clerk, f"/desk/points/people/{uid}")
    assert "<b>10.00</b>" in text
    assert beside(woman, "/give") in text
    assert looks_at(woman) == before + 1
    stranger.get(f"/desk/points/people/{uid}", status=404)


# ---- who may what -----------------------------------------------------------------------------------------------------------
def test_a_clerk_neither_freezes_nor_asks_nor_reverses_nor_closes(clerk, woman):
    uid = queries.mine(woman.id).own.uid
    row = db.session.scalars(sa.select(Transfer.id)).first()
    db.session.rollback()
    for address in (f"wallets/{uid}", *(f"wallets/{uid}/{act}" for act in ("freeze", "close", "propose")), f"rows/{row}/reverse"):
        clerk.get(f"/desk/points/{address}", status=403)


@pytest.mark.parametrize("role", ["clerk", "manager", "auditor"])
def test_another_communitys_desk_learns_nothing(enter, woman, make_community, role):
    stranger, row = enter(role, make_community()), give(CLERK, woman.id, Way.pool, 1_00)
    before = looks_at(woman)
    for rest in ("", "/statement.pdf", f"/donations/{row}"):
        stranger.get(beside(woman, rest), status=404)
    if role != "auditor":
        stranger.get(beside(woman, "/give"), status=404)
        for rest, typed in (("/give", SURE), ("/open-household", {})):
            form = {**hidden_fields(stranger.get("/account/").get_data(as_text=True)), **typed}
            stranger.post(beside(woman, rest), data=form, status=404)
    assert (in_wallet(woman), looks_at(woman)) == (9_00, before)


def test_an_auditor_reads_and_prints_and_gives_nothing(enter, woman):
    auditor = enter("auditor")
    text = page(auditor, beside(woman))
    assert "<b>10.00</b>" in text
    for address in re.findall(r'href="(/desk/[^"]*)"', text.partition("<main")[2].partition("</main>")[0]):
        auditor.get(address, status=200)
    assert "/give" not in text
    assert "/open-" not in text
    auditor.get(beside(woman, "/statement.pdf"), status=200)
    auditor.get(beside(woman, "/give"), status=403)
    form = {**hidden_fields(auditor.get("/account/").get_data(as_text=True)), **SURE}
    auditor.post(beside(woman, "/give"), data=form, status=403)
    assert in_wallet(woman) == 10_00


def test_a_clerk_opens_a_wallet_for_whom_the_desk_knows_to_live_there(clerk, enter, programme, somebody, place):
    person, unknown = somebody("陈静"), somebody("李强")
    with atomic():
        db.session.add(Verification(person_id=person.id, place_id=place.id))
    assert "No wallet yet" in page(clerk, beside(person))
    clerk.submit(beside(person, "/open-own"), page=beside(person), status=303)
    clerk.submit(beside(person, "/open-household"), page=beside(person), status=303)
    text = page(clerk, beside(person))
    assert "Own wallet" in text
    assert "Open a wallet" not in text
    (line, _other) = lines_of("points.wallet_opened")
    assert (line.account_id, line.channel) == (clerk.account_id, "desk")
    db.session.rollback()
    assert "/open-own" not in page(clerk, beside(unknown))
    form = hidden_fields(clerk.get("/account/").get_data(as_text=True))
    clerk.post(beside(unknown, "/open-own"), data=form, status=403)
    assert queries.mine(unknown.id).own is None
    db.session.rollback()
    enter("social-worker").submit(beside(unknown, "/open-own"), page=beside(unknown), status=303)
    assert queries.mine(unknown.id).own is not None


def test_without_a_programme_the_refusal_is_told(clerk, make_person, place):
    made = make_person("陈静")
    person = SimpleNamespace(id=made.id, uid=made.uid)
    with atomic():
        db.session.add(Verification(person_id=person.id, place_id=place.id))
    clerk.submit(beside(person, "/open-own"), page=beside(person), status=303)
    assert "no programme of points for this district" in page(clerk, beside(person))


# ---- giving -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["clerk", "social-worker", "manager"])
def test_a_gift_is_asked_once_more_given_once_and_names_both(enter, programme, woman, role):
    worker = enter(role)
    assert beside(woman, "/give") in page(worker, beside(woman))
    asked = worker.submit(beside(woman, "/give"), {"way": "pool", "amount": "２．５"}, status=200).get_data(as_text=True)
    assert "Give 2.50 points of 何敏华?" in asked
    assert "7.50" in asked
    assert in_wallet(woman) == 10_00
    sure = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', asked))
    receipts = {worker.post(beside(woman, "/give"), data=sure, status=303).headers["Location"] for _twice in range(2)}
    assert (in_wallet(woman), pool(programme)) == (7_50, 2_50)
    (address,) = receipts
    text = page(worker, address)
    assert "2.50 points of 何敏华 are given" in text
    (line,) = lines_of("points.donated")
    assert (line.account_id, line.acting_for, line.channel) == (worker.account_id, woman.id, "desk")
    row = db.session.get_one(Transfer, int(address.rpartition("/")[2]))
    assert (row.account_id, row.channel) == (worker.account_id, "desk")
    (message,) = told(woman)
    assert "2.5" in message["subject"]
    assert message["href"] == f"/points/donations/{row.id}"
    worker.post(beside(woman, "/give"), data={**sure, "amount": "3"}, status=409)  # the same key with other words


def test_every_way_of_her_own_page_is_there(clerk, programme, woman):
    clerk.submit(beside(woman, "/give"), {**SURE, "way": "household", "amount": "4"}, status=303)
    clerk.submit(beside(woman, "/give"), {**SURE, "way": "household_pool", "amount": "1"}, status=303)
    household = queries.mine(woman.id).household
    assert (free(household.id), len(told(woman))) == (3_00, 2)
    assert (in_wallet(woman), pool(programme)) == (6_00, 1_00)


@pytest.mark.parametrize(
    ("typed", "said"), [("10.01", "10 are free"), ("0", "above 0"), ("1e18", "above 0"), ("1.234", "above 0"), ("", "Give a number")]
)
@pytest.mark.parametrize("sure", ["", "yes"])
def test_more_than_is_free_or_no_amount_is_told_at_its_field(clerk, woman, typed, said, sure):
    text = clerk.submit(beside(woman, "/give"), {"way": "pool", "amount": typed, "sure": sure}, status=422).get_data(as_text=True)
    assert 'id="amount-error"' in text
    assert said in text
    assert (in_wallet(woman), told(woman)) == (10_00, [])


def test_what_is_set_aside_is_not_given(clerk, woman):
    operations.hold(CLERK, wallet_of(woman), 8_00, source="order:9", until=clock.now() + DAY)
    clerk.submit(beside(woman, "/give"), SURE, status=422)
    with pytest.raises(NotEnoughPoints) as refusal:
        give_beside(AT_DESK, woman.id, Way.pool, 2_50)
    assert refusal.value.context["available"] == 2_00


def test_a_frozen_and_a_closed_wallet_give_nothing(clerk, woman):
    wallet_id = wallet_of(woman)
    operations.freeze(CLERK, wallet_id, "suspicion")
    text = clerk.submit(beside(woman, "/give"), SURE, status=409).get_data(as_text=True)
    assert "points can be earned, not spent" in text
    assert "points can be earned, not spent" in page(clerk, beside(woman))
    operations.unfreeze(CLERK, wallet_id)
    close_wallet(CLERK, wallet_id, "own_wish", to_household=False)
    with pytest.raises(WalletClosed):
        give_beside(AT_DESK, woman.id, Way.pool, 1_00)
    db.session.rollback()
    assert "This wallet is closed" in clerk.submit(beside(woman, "/give"), SURE, status=409).get_data(as_text=True)
    assert (told(woman), lines_of("points.donated")) == ([], [])


@pytest.mark.parametrize("role", ["clerk", "manager"])
def test_nobody_gives_from_her_own_or_her_households_wallet_at_the_desk(enter, woman, somebody, role):
    daughter = somebody("何小芳", "1990-01-02")
    live_with(woman, daughter)
    give(CLERK, woman.id, Way.household, 4_00)
    for person in (woman, daughter):
        worker = enter(role, person=person)
        text = page(worker, beside(woman))
        assert "belongs to you or your household" in text
        assert "/give" not in text
        worker.get(beside(woman, "/give"), status=403)
        form = {**hidden_fields(worker.get("/account/").get_data(as_text=True)), **SURE}
        worker.post(beside(woman, "/give"), data=form, status=403)
        with pytest.raises(OwnHousehold):
            give_beside(Actor(worker.account_id, channel=Channel.desk), woman.id, Way.pool, 1_00)
        with pytest.raises(OwnHousehold):
            give_beside(Actor(worker.account_id, channel=Channel.desk), daughter.id, Way.household_pool, 1_00)
        db.session.rollback()
    assert (in_wallet(woman), told(woman)) == (6_00, [])


def test_a_child_gives_her_own_points_alone(clerk, woman, somebody):
    child = somebody("何小树", "2016-05-06", 3_00)
    live_with(woman, child)
    assert clerk.submit(beside(child, "/give"), {**SURE, "way": "household"}, status=422)
    clerk.submit(beside(child, "/give"), {**SURE, "amount": "1"}, status=303)
    assert in_wallet(child) == 2_00


def test_points_of_another_district_are_given_there(clerk, programme, next_door, woman, somebody):
    with atomic():
        other = operations.wallet_of_person(next_door.id, woman.id)
    grant(other, 3_00)
    uid = queries.views(queries.by_id(other))[0].uid
    foreign = queries.mine(somebody("陈静", points=5_00).id).own.uid
    db.session.rollback()
    address = beside(woman, f"/give?wallet={uid}")
    assert address in page(clerk, beside(woman))
    assert "Points next door" in page(clerk, address)
    asked = clerk.submit(beside(woman, "/give"), {"way": "pool", "amount": "1"}, page=address, status=200).get_data(as_text=True)
    assert "Points next door" in asked
    sure = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', asked))
    clerk.post(beside(woman, "/give"), data=sure, status=303)
    assert (in_wallet(woman), free(other), pool(programme), pool(next_door)) == (10_00, 2_00, 0, 1_00)
    db.session.rollback()
    clerk.get(beside(woman, f"/give?wallet={foreign}"), status=404)
    clerk.submit(beside(woman, "/give"), {**SURE, "wallet": foreign}, status=404)


def test_points_of_a_closed_account_are_given_at_the_desk_and_nobody_is_written_to(clerk, programme, woman):
    people.restrict_person(CLERK, woman.id)
    clerk.submit(beside(woman, "/give"), SURE, status=303)
    assert (in_wallet(woman), pool(programme), told(woman)) == (7_50, 2_50, [])


def test_for_the_dead_nobody_speaks(clerk, woman):
    people.record_death(CLERK, woman.id, clock.today())
    text = page(clerk, beside(woman))
    assert "/give" not in text
    assert "/open-" not in text
    clerk.get(beside(woman, "/give"), status=404)


def test_somebody_without_a_wallet_has_nothing_to_give(clerk, programme, somebody):
    assert "no wallet to give from" in page(clerk, beside(somebody("陈静"), "/give"))


# ---- policies ---------------------------------------------------------------------------------------------------------------
HERE, STREET, BESIDE = "/440113/440113010/440113010901/", "/440113/440113010/", "/440113/440113010/440113010902/"
WANG, HER_SON, WORKER = 5, 6, 7
HOLDER = Holder(HERE, frozenset({WANG}), frozenset({WANG, HER_SON}))
SERVE, READ = {Role.clerk, Role.social_worker, Role.manager}, {Role.auditor}


def staff(role: Role, territory: str = HERE, person: int | None = WORKER) -> Viewer:
    return Viewer(1, person, scopes=(Scope(role, territory),))


@pytest.mark.parametrize("role", Role)
def test_who_tells_prints_and_serves(role):
    for policy, roles in ((policies.can_read_beside, SERVE | READ), (policies.can_serve, SERVE)):
        assert policy(staff(role), HERE) is (role in roles)
        assert policy(staff(role, STREET), HERE) is (role in roles)
        assert not policy(staff(role, BESIDE), HERE)
        assert not policy(NOBODY, HERE)


@pytest.mark.parametrize("role", Role)
def test_who_gives_for_the_person_beside(role):
    assert policies.can_give_beside(staff(role), HOLDER) is (role in SERVE)
    for who in (staff(role, BESIDE), staff(role, person=WANG), staff(role, person=HER_SON), Viewer(1, WANG)):
        assert not policies.can_give_beside(who, HOLDER)
    unproven = Viewer(1, None, scopes=(Scope(role, HERE),), unproven_id=HER_SON)
    assert not policies.can_give_beside(unproven, HOLDER)


@pytest.mark.parametrize("role", Role)
def test_who_opens_a_wallet(role):
    works = role in {Role.social_worker, Role.manager}
    assert policies.can_open_beside(staff(role), HERE, {HERE}) is (role in SERVE)
    assert policies.can_open_beside(staff(role), HERE, {BESIDE}) is works
    assert policies.can_open_beside(staff(role), HERE, ()) is works
    assert not policies.can_open_beside(staff(role, BESIDE), HERE, {HERE, BESIDE})
