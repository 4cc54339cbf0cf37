"""What people race for, with real threads on a database of its own: one code, one link, one slip."""

from __future__ import annotations

import threading

import sqlalchemy as sa

from civic.accounts import operations
from civic.accounts.models import Identity, IdentityKind, TicketKind
from civic.accounts.operations import VISITOR, NewLogin, NewSelf
from civic.accounts.own_errors import LinkOver, OidcTaken, WrongTicketCode
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.people import operations as people
from civic.people.models import Person
from civic.people.records import Record
from civic.territory.models import Territory, TerritoryKind
from tests.support.accounts import SEED, last_code


def test_of_two_who_type_the_same_code_one_gets_in(live_app):
    """Real threads on a real database: the code is used once, and so is the proof that follows it."""
    with live_app.app_context():
        uid = operations.send_code(VISITOR, TicketKind.register_phone, "+8613800138000", "accounts/register_code", lang="en")
        code = last_code()
    got, start = [], threading.Barrier(4)

    def type_in() -> None:
        with live_app.app_context():
            start.wait()
            try:
                got.append(operations.prove_code(uid, TicketKind.register_phone, code))
            except WrongTicketCode:
                got.append("")

    threads = [threading.Thread(target=type_in) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len([token for token in got if token]) == 1


def test_one_link_opens_one_account_whoever_sends_it_twice(live_app):
    with live_app.app_context():
        people.publish_notice(SEED, "甲", "a", clock.today())
        with atomic():
            place = Territory(
                code="440113004001", kind=TerritoryKind.community, name_zh="甲社区", name_en="A", path="/440113/440113004001/"
            )
            db.session.add(place)
        place_id = place.id
        token = operations.carry_on(TicketKind.register_phone, [("phone", "+8613800138000")])
    done, start = [], threading.Barrier(3)

    def send(login: str) -> None:
        with live_app.app_context():
            opened = operations.open_link(token, TicketKind.register_phone)
            who = NewSelf(Record("李秀英", birth_on="1953-08-21"), place_id)
            start.wait()
            try:
                done.append(operations.register(opened, NewLogin("秀英", login), who, 1).login)
            except LinkOver:
                done.append("")

    threads = [threading.Thread(target=send, args=(f"xiuying{n}",)) for n in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(map(bool, done)) == [False, False, True]
    with live_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 1
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Identity)) == 1


def test_one_outside_sign_in_belongs_to_one_account_whoever_links_or_registers_at_once(live_app):
    """Six that prove the same subject at the same moment: four logins that link it, two that register with it."""
    subject = "https://issuer.example.org|7"
    with live_app.app_context():
        people.publish_notice(SEED, "甲", "a", clock.today())
        with atomic():
            place = Territory(
                code="440113004001", kind=TerritoryKind.community, name_zh="甲社区", name_en="A", path="/440113/440113004001/"
            )
            db.session.add(place)
        place_id = place.id
        ids = [operations.create_account(SEED, f"aling{n}", "", "nine green banyans", must_change=False).id for n in range(4)]
    for round_ in range(3):
        with live_app.app_context():
            with atomic():
                db.session.execute(sa.delete(Identity).where(Identity.kind == IdentityKind.oidc))
            tokens = [operations.carry_on(TicketKind.register_mail, [("oidc", subject)]) for _ in range(2)]
        done, start = [], threading.Barrier(6)

        def tell(act, done=done, start=start) -> None:
            with live_app.app_context():
                start.wait()
                try:
                    act()
                except OidcTaken:
                    done.append(False)
                else:
                    done.append(True)

        def link(account_id: int, tell=tell) -> None:
            tell(lambda: operations.link_oidc(SEED, account_id, subject))

        def come(n: int, tell=tell, tokens=tokens, round_=round_) -> None:
            def act() -> None:
                opened = operations.open_link(tokens[n], TicketKind.register_mail)
                who = NewSelf(Record(f"李{'秀芳'[n]}", birth_on="1953-08-21"), place_id)
                operations.register(opened, NewLogin("秀英", f"xiu{round_}x{n}"), who, 1)

            tell(act)

        threads = [threading.Thread(target=link, args=(each,)) for each in ids]
        threads += [threading.Thread(target=come, args=(n,)) for n in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sorted(done) == [False] * 5 + [True]
        with live_app.app_context():
            assert db.session.scalar(sa.select(sa.func.count()).where(Identity.kind == IdentityKind.oidc)) == 1
