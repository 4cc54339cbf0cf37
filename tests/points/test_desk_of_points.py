"""A person's wallet at the desk: opened, frozen, closed; points asked for by one and decided by another; who sees what."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import Membership
from civic.points import operations
from civic.points.models import Proposal, ProposalState, Transfer, Wallet, WalletState
from civic.points.operations import proposals
from tests.support.points import balance


def text(response) -> str:
    return re.sub(r"\s+", " ", response.get_data(as_text=True))


@pytest.fixture
def enter(site, make_account, sign_in, place):
    """`enter(role)`: another browser of somebody with this role in the community, in English."""

    def make(role: str = "social-worker", territory=place, person_id=None):
        account = make_account(role, territory)
        if person_id is not None:
            with atomic():
                db.session.merge(account).person_id = person_id
        browser = site.test_client()
        sign_in(browser, account)
        browser.set_cookie("civic_lang", "en")
        return browser

    return make


@pytest.fixture
def worker(enter):
    return enter()


@pytest.fixture
def person(make_person):
    return make_person()


def read(query):
    """One row's values; the read is ended, because this session would undo what a browser does meanwhile."""
    found = db.session.execute(query).first()
    db.session.rollback()
    return found


def uid_of(wallet_id: int) -> str:
    return read(sa.select(Wallet.uid).where(Wallet.id == wallet_id)).uid


def wallet_now(wallet_id: int):
    return read(sa.select(Wallet.state, Wallet.heir_id).where(Wallet.id == wallet_id))


def left_in(wallet_id: int) -> int:
    found = balance(wallet_id)
    db.session.rollback()
    return found


def the_proposal():
    return read(sa.select(Proposal.uid, Proposal.state, Proposal.amount).order_by(Proposal.id.desc()))


def first_row() -> int:
    return read(sa.select(Transfer.id).order_by(Transfer.id)).id


def asked(browser, wallet_id: int, kind: str = "issued", amount: str = "12.5"):
    typed = {"kind": kind, "amount": amount, "why": "paper card of the old shop"}
    browser.submit(f"/desk/points/wallets/{uid_of(wallet_id)}/propose", typed, status=303)
    return the_proposal()


def test_the_persons_page_leads_to_her_wallet_which_opens_there(programme, worker, person):
    assert f"/desk/points/people/{person.uid}" in text(worker.get(f"/desk/people/{person.uid}", status=200))
    page = text(worker.get(f"/desk/points/people/{person.uid}", status=200))
    assert "No wallet yet" in page
    worker.submit(f"/desk/points/people/{person.uid}/open-own", page=f"/desk/points/people/{person.uid}", status=303)
    worker.submit(f"/desk/points/people/{person.uid}/open-household", page=f"/desk/points/people/{person.uid}", status=303)
    page = text(worker.get(f"/desk/points/people/{person.uid}", status=200))
    assert "Own wallet" in page
    assert "Household's wallet" in page
    assert "Open a wallet" not in page


def test_one_asks_another_decides(programme, worker, enter, person, make_wallet):
    wallet = make_wallet(person=person)
    row = asked(worker, wallet)
    mine = text(worker.get(f"/desk/points/proposals/{row.uid}", status=200))
    assert "You asked for it, so somebody else decides" in mine
    assert "paper card of the old shop" in mine
    manager = enter("manager")
    queue = text(manager.get("/desk/points/proposals/", status=200))
    assert "王芳" in queue
    assert "Proposals about points" in text(manager.get("/desk/", status=200))
    manager.submit(
        f"/desk/points/proposals/{row.uid}/approve", {"answer": "card seen"}, page=f"/desk/points/proposals/{row.uid}", status=303
    )
    assert (left_in(wallet), the_proposal().state) == (12_50, ProposalState.done)
    assert "card seen" in text(worker.get(f"/desk/points/proposals/{row.uid}", status=200))
    assert "王芳" in text(worker.get("/desk/points/proposals/?show=decided", status=200))
    assert "Nothing waits" in text(worker.get("/desk/points/proposals/", status=200))


def test_the_maker_cannot_approve_by_hand(programme, worker, person, make_wallet):
    row = asked(worker, make_wallet(person=person))
    page = worker.submit(f"/desk/points/proposals/{row.uid}/approve", page=f"/desk/points/proposals/{row.uid}")
    assert page.status_code == 403
    assert "Somebody else has to decide this" in text(page)
    assert the_proposal().state is ProposalState.waiting


def test_the_second_who_decides_is_told(programme, worker, enter, person, make_wallet):
    row = asked(worker, make_wallet(person=person))
    first, second = enter("manager"), enter("town", programme.territory)
    from tests.support.client import hidden_fields

    shown = hidden_fields(second.get(f"/desk/points/proposals/{row.uid}").get_data(as_text=True))
    first.submit(f"/desk/points/proposals/{row.uid}/refuse", page=f"/desk/points/proposals/{row.uid}", status=303)
    page = second.post(f"/desk/points/proposals/{row.uid}/approve", data=shown, status=409)
    assert "already decided or withdrawn" in text(page)


def test_sent_twice_it_is_asked_once(programme, worker, person, make_wallet):
    from tests.support.client import hidden_fields

    address = f"/desk/points/wallets/{uid_of(make_wallet(person=person))}/propose"
    form = {**hidden_fields(worker.get(address).get_data(as_text=True)), "kind": "issued", "amount": "3", "why": "x"}
    assert worker.post(address, data=form, status=303).location == worker.post(address, data=form, status=303).location
    assert read(sa.select(sa.func.count()).select_from(Proposal))[0] == 1
    worker.post(address, data={**form, "amount": "4"}, status=409)


@pytest.mark.parametrize(
    ("typed", "said"), [("0", "above 0"), ("-1", "above 0"), ("1e18", "above 0"), ("1.234", "above 0"), ("", "Fill this in")]
)
def test_amounts_that_are_none_are_told_at_the_field(programme, worker, person, make_wallet, typed, said):
    address = f"/desk/points/wallets/{uid_of(make_wallet(person=person))}/propose"
    page = worker.submit(address, {"kind": "issued", "amount": typed, "why": "x"}, status=422)
    assert said in text(page)


def test_full_width_digits_are_points(programme, worker, person, make_wallet):
    assert asked(worker, make_wallet(person=person), amount="１０").amount == 10_00


def test_a_row_is_reversed_from_the_wallets_page(programme, worker, enter, person, make_wallet):
    wallet = make_wallet(8_00, person=person)
    page = text(worker.get(f"/desk/points/wallets/{uid_of(wallet)}", status=200))
    assert "Earned" in page
    assert "Other help, checked in and out, on Wed 25 Nov 2026" in page
    row = first_row()
    page = text(worker.get(f"/desk/points/rows/{row}/reverse", status=200))
    assert "correct them where they were recorded" in page
    worker.submit(f"/desk/points/rows/{row}/reverse", {"amount": "3", "why": "typed twice"}, status=303)
    manager = enter("manager")
    manager.submit(f"/desk/points/proposals/{the_proposal().uid}/approve", page=f"/desk/points/proposals/{the_proposal().uid}", status=303)
    assert left_in(wallet) == 5_00
    page = text(worker.get(f"/desk/points/wallets/{uid_of(wallet)}", status=200))
    assert "Reversed" in page
    again = worker.submit(f"/desk/points/rows/{row}/reverse", {"amount": "3", "why": "again"}, status=409)
    assert "can be reversed" in text(again)


def test_frozen_with_a_reason_and_open_again(programme, worker, person, make_wallet):
    wallet = make_wallet(8_00, person=person)
    address = f"/desk/points/wallets/{uid_of(wallet)}"
    worker.submit(f"{address}/freeze", {"why": "suspicion"}, status=303)
    assert "Something is being looked into" in text(worker.get(address, status=200))
    assert wallet_now(wallet).state is WalletState.frozen
    worker.submit(f"{address}/unfreeze", page=address, status=303)
    assert wallet_now(wallet).state is WalletState.open
    assert worker.submit(f"{address}/freeze", {}, status=422)


def test_closed_as_the_owner_chose(programme, worker, person, make_wallet):
    wallet = make_wallet(8_00, person=person)
    address = f"/desk/points/wallets/{uid_of(wallet)}"
    worker.submit(f"{address}/close", {"why": "own_wish", "to": "household"}, status=303)
    row = wallet_now(wallet)
    assert (row.state, left_in(wallet), left_in(row.heir_id)) == (WalletState.closed, 0, 8_00)
    assert "The owner asked for it" in text(worker.get(address, status=200))


def test_a_wallet_with_something_held_waits(programme, worker, person, make_wallet):
    from datetime import timedelta

    from civic.core import clock
    from civic.core.viewer import Actor

    wallet = make_wallet(8_00, person=person)
    operations.hold(Actor(1), wallet, 1_00, source="order:1", until=clock.now() + timedelta(days=3))
    page = worker.submit(f"/desk/points/wallets/{uid_of(wallet)}/close", {"why": "own_wish", "to": "pool"}, status=409)
    assert "still has points in holds" in text(page)


# ---- who sees what ----------------------------------------------------------------------------------------------------------
def test_another_communitys_desk_learns_nothing(programme, worker, enter, person, make_wallet, make_community):
    wallet = make_wallet(8_00, person=person)
    row = asked(worker, wallet)
    stranger = enter("manager", make_community())
    transfer = first_row()
    for address in (
        f"/desk/points/people/{person.uid}",
        f"/desk/points/wallets/{uid_of(wallet)}",
        f"/desk/points/wallets/{uid_of(wallet)}/propose",
        f"/desk/points/rows/{transfer}/reverse",
        f"/desk/points/proposals/{row.uid}",
    ):
        stranger.get(address, status=404)
    assert "王芳" not in text(stranger.get("/desk/points/proposals/", status=200))


def test_nobody_works_on_the_wallet_of_her_own_household(programme, enter, person, make_wallet, make_person):
    wallet = make_wallet(8_00, person=person)
    daughter = make_person("王小芳", "1990-01-02")
    with atomic():
        row = db.session.scalars(sa.select(Membership).where(Membership.person_id == daughter.id)).one()
        row.household_id = people.household_of(person.id).id
    browser = enter("manager", person_id=daughter.id)
    page = text(browser.get(f"/desk/points/wallets/{uid_of(wallet)}", status=200))
    assert "belongs to you or your household" in page
    assert "Ask for points" not in page
    for name in ("propose", "freeze", "close"):
        browser.get(f"/desk/points/wallets/{uid_of(wallet)}/{name}", status=403)
    colleague = enter()
    made = asked(colleague, wallet)
    page = text(browser.get(f"/desk/points/proposals/{made.uid}", status=200))
    assert "belongs to you or your household" in page
    assert "Approve" not in page
    answer = browser.submit(f"/desk/points/proposals/{made.uid}/approve", page="/desk/people/")
    assert answer.status_code == 403


def test_an_auditor_reads_and_writes_nothing(programme, worker, enter, person, make_wallet):
    wallet = make_wallet(8_00, person=person)
    made = asked(worker, wallet)
    auditor = enter("auditor")
    page = text(auditor.get(f"/desk/points/wallets/{uid_of(wallet)}", status=200))
    assert "Ask for points" not in page
    assert "Freeze the wallet" not in page
    assert "Approve" not in text(auditor.get(f"/desk/points/proposals/{made.uid}", status=200))
    auditor.get("/desk/points/proposals/", status=200)
    auditor.get(f"/desk/points/wallets/{uid_of(wallet)}/propose", status=403)


def test_the_district_decides_but_opens_no_wallet(programme, worker, enter, person, make_wallet):
    wallet = make_wallet(person=person)
    made = asked(worker, wallet)
    above = enter("district", programme.territory)
    page = text(above.get(f"/desk/points/proposals/{made.uid}", status=200))
    assert "Look at the wallet" not in page
    above.submit(f"/desk/points/proposals/{made.uid}/approve", page=f"/desk/points/proposals/{made.uid}", status=303)
    assert left_in(wallet) == 12_50
    above.get(f"/desk/points/wallets/{uid_of(wallet)}", status=403)


# ---- looks ------------------------------------------------------------------------------------------------------------------
def looks_at(*persons) -> list[int]:
    """How many lines each of them reads."""
    found = [len(people.looks_at(each)) for each in persons]
    db.session.rollback()
    return found


def move_in(other, person) -> int:
    """`other` lives with `person` from now on; the household."""
    with atomic():
        row = db.session.scalars(sa.select(Membership).where(Membership.person_id == other.id)).one()
        row.household_id = people.household_of(person.id).id
    return row.household_id


def test_who_lives_with_her_reads_the_line_where_her_page_shows_their_wallet(programme, worker, person, make_person):
    daughter = make_person("王小芳", "1990-01-02")
    household, address = move_in(daughter, person), f"/desk/points/people/{person.uid}"
    two = (person.id, daughter.id)
    db.session.rollback()
    worker.get(address, status=200)
    assert looks_at(*two) == [1, 0], "there is no wallet of theirs yet"
    with atomic():
        operations.wallet_of_household(programme.id, household)
    worker.get(address, status=200)
    assert looks_at(*two) == [2, 1]


@pytest.mark.parametrize("rest", ["", "/freeze", "/close", "/propose"])
def test_looking_at_a_wallet_or_a_form_about_it_is_noted(programme, worker, person, make_wallet, rest):
    address, number = f"/desk/points/wallets/{uid_of(make_wallet(person=person))}{rest}", person.id
    db.session.rollback()
    for times in (1, 2):
        worker.get(address, status=200)
        assert looks_at(number) == [times]


def test_who_walks_through_the_rows_leaves_a_line_with_everybody(programme, worker, person, make_wallet, make_person):
    other = make_person("李强")
    for each in (person, other):
        make_wallet(8_00, person=each)
    rows, two = list(db.session.scalars(sa.select(Transfer.id).order_by(Transfer.id))), (person.id, other.id)
    db.session.rollback()
    for row in rows:
        worker.get(f"/desk/points/rows/{row}/reverse", status=200)
    assert looks_at(*two) == [1, 1]
    worker.submit(f"/desk/points/rows/{rows[0]}/reverse", {"amount": "900", "why": "typed twice"}, status=422)
    assert looks_at(*two) == [3, 1], "the form and the form with its errors"
    worker.submit(f"/desk/points/rows/{rows[0]}/reverse", {"amount": "3", "why": "typed twice"}, status=303)
    assert looks_at(*two) == [4, 1], "what was asked shows nothing more"


def test_a_households_wallet_is_looked_at_with_everybody_who_lives_there(programme, worker, person, make_wallet, make_person):
    daughter = make_person("王小芳", "1990-01-02")
    household, wallet, two = move_in(daughter, person), make_wallet(8_00, person=person), (person.id, daughter.id)
    with atomic():
        shared = operations.wallet_of_household(programme.id, household)
    (row,) = operations.donate(Actor(901), wallet, 5_00, shared)
    address = f"/desk/points/wallets/{uid_of(shared)}"
    worker.get(address, status=200)
    assert looks_at(*two) == [1, 1]
    worker.get(f"{address}/freeze", status=200)
    assert looks_at(*two) == [2, 2]
    worker.get(f"/desk/points/rows/{row}/reverse", status=200)
    assert looks_at(*two) == [3, 3]


def test_a_reversal_is_a_look_at_both_sides(programme, worker, enter, person, make_wallet, make_person):
    wallet, number = make_wallet(8_00, person=person), person.id
    household = people.household_of(number).id
    with atomic():
        shared = operations.wallet_of_household(programme.id, household)
    (row,) = operations.donate(Actor(901), wallet, 5_00, shared)
    son = make_person("王小山", "1990-01-02")
    other = son.id
    with atomic():  # the giver has moved out since; the son lives there
        move_in(son, person)
        db.session.scalars(sa.select(Membership).where(Membership.person_id == number)).one().ended_on = clock.today()
    made = proposals.propose_reversal(Actor(901), row, "typed twice")
    uid = made.uid
    db.session.rollback()
    browser = enter("manager")
    browser.get(f"/desk/points/proposals/{uid}", status=200)
    assert looks_at(number, other) == [1, 1]
    browser.get("/desk/points/proposals/", status=200)
    assert looks_at(number, other) == [1, 2], "the list names the household that would give back"


def test_pages_of_lists_ask_little(programme, worker, enter, make_wallet, make_person, count_queries):
    def ask(times: int) -> None:
        for _ in range(times):
            proposals.propose_grant(operations_actor, make_wallet(person=make_person()), 1_00, "x", from_pool=False)

    operations_actor = Actor(77)
    ask(2)
    browser = enter("manager")
    browser.get("/desk/points/proposals/", status=200)
    with count_queries() as few:
        browser.get("/desk/points/proposals/", status=200)
    ask(8)
    with count_queries() as many:
        browser.get("/desk/points/proposals/", status=200)
    few, many = ([s for s in each if "INSERT INTO person_look" not in s] for each in (few, many))  # a line for each person who is named
    assert len(many) == len(few), "\n".join(s[:150].replace(chr(10), " ") for s in many)
    assert len(many) <= 25


def test_a_wallets_page_asks_little_however_many_rows(programme, worker, person, make_wallet, count_queries):
    wallet = make_wallet(person=person)
    address = f"/desk/points/wallets/{uid_of(wallet)}"
    for number in range(60):
        proposals.grant(Actor(77), wallet, 1_00, source=f"care_grant:{number}", from_pool=False)
    page = text(worker.get(address, status=200))
    older = re.search(r"before=(\d+)", page)
    assert older
    with count_queries() as statements:
        worker.get(address, status=200)
    assert len(statements) <= 30, "\n".join(s[:150].replace(chr(10), " ") for s in statements)
    assert text(worker.get(f"{address}?before={older.group(1)}", status=200)).count("Ask to reverse it") == 10
