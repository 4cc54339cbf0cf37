"""A small district with one row behind every door, and everybody who might knock: role × territory × organisation."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from civic.accounts.models import Account, ApiToken, ConnectionOpening, Grant, Identity, IdentityKind, Ticket, TicketKind, UserSession
from civic.bulletin import operations as bulletin
from civic.bulletin.models import Announcement, Posting, Subscription, Voice, VoiceLanguage
from civic.bulletin.operations import AnnouncementText, PostingText
from civic.core import clock, crypto, files
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.files import StoredFile
from civic.core.load.models import LoadRun
from civic.core.messages.choices import leave_token
from civic.core.messages.models import Message
from civic.core.viewer import NOBODY, Actor, Channel, Role, Scope, Viewer
from civic.core.workdays import Unit
from civic.exchange import operations as exchange
from civic.exchange.models import Category, Dispute, Exchange, Listing, ListingKind
from civic.exchange.operations import ListingText, Proposal
from civic.exchange.queries import DISPUTE_FILE
from civic.people import operations as people
from civic.people import queries
from civic.people.models import ContactKind, DocumentKind, HomeRelation, Person, PersonSource, RepresentationKind, Verification
from civic.people.operations import NewContact, NewDocument, NewHome
from civic.people.records import Record
from civic.points import operations as points
from civic.points import queries as wallets
from civic.points.models import Hint, HintKind, Programme, Wallet
from civic.points.operations import donations, policy, proposals
from civic.points.operations.reports import make_report
from civic.territory.models import Organisation, Station, StationClosure, Territory
from tests.guards.doors import Row
from tests.support.closes import closed, earned
from tests.support.points import adopt

CODE = "SI-LG-004"
WHY = {"purpose": "visit", "reason": "she asked for a visit"}
KINDS: dict[str, Callable[[World], Row]] = {}


def row(build: Callable[[World], Row]) -> Callable[[World], Row]:
    """Make the function known as the row of its name."""
    KINDS[build.__name__] = build
    return build


@dataclass
class World:
    """make: the builders of tests/support by name.  Everything stands in the community `own`, below `town`."""

    app: Flask
    make: dict[str, Callable[..., Any]]
    district: Territory
    town: Territory
    own: Territory
    other: Territory  # beside it, below the same town
    other_town: Territory
    grid: Territory  # below it
    organisation: Organisation
    stranger: Organisation
    me: Account
    you: Account  # another account without any grant
    rows: dict[str, Row]

    def row(self, name: str) -> Row:
        """The row of this name, built when it is asked for first."""
        if name not in self.rows:
            self.rows[name] = KINDS[name](self)
        return self.rows[name]

    def territories(self) -> dict[str, str]:
        places = {"own": self.own, "other": self.other, "town": self.town, "other town": self.other_town}
        return {**{name: place.path for name, place in places.items()}, "district": self.district.path, "grid": self.grid.path}

    def somebody(self, account: Account, scopes: tuple[Scope, ...] = ()) -> Viewer:
        session = db.session.scalar(sa.select(UserSession.id).where(UserSession.account_id == account.id))
        return Viewer(account.id, account.person_id, account.name, scopes, is_two_step=True, session_id=session)

    def staff(self, *, whole: bool = True) -> Iterator[tuple[str, Viewer]]:
        """The cube, each with the one grant that its name tells.  not whole: organisations vary in the own community and the district."""
        organisations = {"": frozenset(), "ours": frozenset({self.organisation.id}), "theirs": frozenset({self.stranger.id})}
        for role, (place, path), (whose, ids) in itertools.product(Role, self.territories().items(), organisations.items()):
            if ids and not whole and place not in {"own", "district"}:
                continue
            yield f"{role} of {place} {whose}".strip(), self.somebody(self.me, (Scope(role, path, ids),))

    def others(self) -> Iterator[tuple[str, Viewer]]:
        """Who has no grant, and whom every grant of the district makes curious."""
        yield "visitor", NOBODY
        yield "owner", self.somebody(self.me)
        yield "account", self.somebody(self.you)
        yield "everything", self.somebody(self.you, tuple(Scope(role, self.district.path) for role in Role))


def make_world(app: Flask, make: dict[str, Callable[..., Any]]) -> World:
    area = make["territory"]
    district = area("district", code="440113")
    town, other_town = area("street", district, code="440113009"), area("street", district, code="440113008")
    own, other = area("community", town, code="440113009001"), area("community", town, code="440113009002")
    grid = area("grid", own, code="440113009001-01")
    organisation, stranger = make["organisation"](territory=own), make["organisation"](territory=own)
    me, you = make["account"](), make["account"]()
    for account, name in ((me, "王芳"), (you, "李强")):
        born = people.create_person(Actor(account.id), own.id, Record(name, birth_on="1958-03-04"), source=PersonSource.desk)
        with atomic():
            db.session.get_one(Account, account.id).person_id = born.id
    people.publish_notice(Actor(me.id), "告知", "Notice", clock.today())
    world = World(app, make, district, town, own, other, other_town, grid, organisation, stranger, me, you, {})
    with atomic():
        db.session.add(_session(me.id, "a"))
        db.session.add(_session(you.id, "b"))
    return world


def _session(account_id: int, token: str) -> UserSession:
    now = clock.now()
    return UserSession(account_id=account_id, token_hash=token, last_seen_at=now, expires_at=now + timedelta(hours=9), two_step_at=now)


def add(*wanted: Any) -> Any:
    """Commit rows as they are; returns the first."""
    with atomic():
        for each in wanted:
            db.session.add(each)
            db.session.flush()
    return wanted[0]


# ---- accounts ---------------------------------------------------------------------------------------------------------------
@row
def session(world: World) -> Row:
    """Ending what is not hers changes nothing and says nothing of whose it is: the page answers anybody alike."""
    found = db.session.scalars(sa.select(UserSession).where(UserSession.account_id == world.me.id)).one()
    return Row({"session_id": found.id}, account=world.me.id)


@row
def token(world: World) -> Row:
    now = clock.now()
    made = add(ApiToken(account_id=world.me.id, token_hash="t", last_used_at=now, expires_at=now + timedelta(days=9)))
    return Row({"token_id": made.id}, account=world.me.id)


@row
def colleague(world: World) -> Row:
    found = world.make["account"](Role.clerk, world.own)
    return Row({"uid": found.uid}, world.own.path, account=found.id)


@row
def colleague_grant(world: World) -> Row:
    seen = world.row("colleague")
    grant = db.session.scalars(sa.select(Grant).where(Grant.account_id == seen.account)).one()
    return Row({**seen.args, "grant_id": grant.id}, world.own.path)


@row
def auditor_grant(world: World) -> Row:
    """Of the own community, and yet no manager's business."""
    held = world.make["account"](Role.auditor, world.own)
    grant = db.session.scalars(sa.select(Grant).where(Grant.account_id == held.id)).one()
    return Row({"grant_id": grant.id}, world.own.path)


@row
def opening(world: World) -> Row:
    """Asked for by me and released by you."""
    now, today = clock.now(), clock.today()
    until = {"released_by_id": world.you.id, "released_at": now, "readable_until": now + timedelta(hours=1)}
    made = add(ConnectionOpening(document="D-1", reason="r", from_on=today, to_on=today, asked_by_id=world.me.id, **until))
    return Row({"opening_id": made.id}, account=world.me.id)


@row
def uid(_world: World) -> Row:
    return Row({"uid": "a-number-of-no-ticket"})


def _ticket(world: World, kind: TicketKind, *, person: bool = False) -> Row:
    token = f"a-token-of-{kind}"
    values = {"account_id": world.me.id if kind is TicketKind.add_mail else None, "person_id": world.me.person_id if person else None}
    sealed = crypto.encrypt(json.dumps({"proven": [["mail", "fang@example.org"]]}), "ticket")
    until = clock.now() + timedelta(hours=1)
    add(Ticket(kind=kind, hash=crypto.token_hash(token), sealed=sealed, expires_at=until, **values))
    return Row({"token": token}, account=world.me.id)


@row
def register_link(world: World) -> Row:
    return _ticket(world, TicketKind.register_mail)


@row
def reset_link(world: World) -> Row:
    return _ticket(world, TicketKind.slip, person=True)


@row
def proof(world: World) -> Row:
    return _ticket(world, TicketKind.sign_in_phone)


@row
def add_mail_link(world: World) -> Row:
    return _ticket(world, TicketKind.add_mail)


@row
def identity(world: World) -> Row:
    """Taking off what is not hers changes nothing, and the page answers anybody alike."""
    made = add(Identity(account_id=world.me.id, kind=IdentityKind.mail, secret=crypto.encrypt("fang@example.org", "identity")))
    return Row({"identity_id": made.id}, account=world.me.id)


@row
def slip_person(world: World) -> Row:
    return Row({"person": world.row("person").args["uid"]}, world.own.path)


@row
def message(world: World) -> Row:
    sealed = crypto.encrypt('{"subject": "s", "body": "b", "short": "s"}', "message")
    made = add(Message(receiver_kind="person", receiver_id=world.me.person_id, topic="bulletin", lang="zh", sealed=sealed))
    return Row({"uid": made.uid}, account=world.me.id)


@row
def leave(world: World) -> Row:
    """The link in a mail: whoever holds it is meant."""
    return Row({"token": leave_token(str(world.row("message").args["uid"]))})


# ---- people -----------------------------------------------------------------------------------------------------------------
@row
def person(world: World) -> Row:
    made = people.create_person(Actor(world.me.id), world.own.id, Record("陈明", birth_on="1970-01-02"), source=PersonSource.desk)
    return Row({"uid": made.uid}, world.own.path, person=made.id)


@row
def household(world: World) -> Row:
    found = queries.household_of(world.row("person").person or 0)
    assert found is not None
    return Row({"uid": found.uid}, world.own.path)


@row
def shown(world: World) -> Row:
    """Nothing is shown without a reason, to nobody."""
    return replace(more(world, kind="phone"), form=WHY)


@row
def told_why(world: World) -> Row:
    return replace(more(world), form=WHY)


@row
def death(world: World) -> Row:
    return more(world, name="death")


@row
def move(world: World) -> Row:
    return more(world, name="move")


@row
def contact(world: World) -> Row:
    made = people.add_contact(Actor(world.me.id), _person(world), NewContact(ContactKind.phone, "13800138000"))
    return more(world, contact_id=made.id)


@row
def document(world: World) -> Row:
    made = people.add_document(Actor(world.me.id), _person(world), NewDocument(DocumentKind.passport, "E12345678"))
    return more(world, document_id=made.id)


@row
def tie(world: World) -> Row:
    made = people.set_home(Actor(world.me.id), _person(world), NewHome(HomeRelation.registered_at, elsewhere="湖南省"))
    return more(world, row_id=made.id)


@row
def representation(world: World) -> Row:
    other = world.you.person_id or 0
    made = people.add_representation(Actor(world.me.id), _person(world), other, RepresentationKind.proxy, clock.today())
    return more(world, row_id=made.id)


@row
def correction(world: World) -> Row:
    made = people.ask_correction(Actor(world.me.id), _person(world), "name", "wrong")
    return Row({"uid": made.uid}, world.own.path)


@row
def card(world: World) -> Row:
    _card, token = people.issue_card(Actor(world.me.id), _person(world))
    return Row({"token": token})


@row
def pair(world: World) -> Row:
    other = people.create_person(Actor(world.me.id), world.own.id, Record("陈明", birth_on="1970-01-02"), source=PersonSource.desk)
    return more(world, other_uid=other.uid)


@row
def merge(world: World) -> Row:
    """Asked for by somebody who is none of those who knock."""
    other = db.session.scalars(sa.select(Person).where(Person.uid == world.row("pair").args["other_uid"])).one()
    asker = world.make["account"](Role.clerk, world.own)
    made = people.ask_merge(Actor(asker.id), other.id, _person(world), "twice the same")
    return Row({"uid": made.uid}, world.own.path)


@row
def decision(world: World) -> Row:
    return Row({**world.row("merge").args, "answer": "approve"}, world.own.path)


def _person(world: World) -> int:
    return world.row("person").person or 0


def more(world: World, **args: object) -> Row:
    """The person's row with a further part of the address."""
    known = world.row("person")
    return Row({**known.args, **args}, known.path)


# ---- bulletin ---------------------------------------------------------------------------------------------------------------
def _announcement(world: World, *, out: bool) -> Row:
    text = AnnouncementText(title_zh="停水", title_en="No water", body_zh="明天停水。", body_en="Tomorrow.")
    made = bulletin.write_announcement(Actor(world.me.id), world.own.id, world.organisation.id, text)
    if out:
        bulletin.publish_announcement(Actor(world.me.id), made.id, made.lock_version)
    return Row({"uid": made.uid}, world.own.path, world.organisation.id)


@row
def announcement(world: World) -> Row:
    return _announcement(world, out=True)


@row
def draft(world: World) -> Row:
    return _announcement(world, out=False)


@row
def voice(world: World) -> Row:
    seen = world.row("announcement")
    whole = db.session.scalars(sa.select(Announcement).where(Announcement.uid == seen.args["uid"])).one()
    made = add(Voice(announcement_id=whole.id, speech=VoiceLanguage.cantonese, sha256="0" * 64))
    return Row({**seen.args, "voice_id": made.id}, seen.path, seen.organisation)


def _posting(world: World, *, up: bool) -> Posting:
    text = PostingText("低保公示", "Public posting", "名单。", "A list.", 5, Unit.working_day)
    made = bulletin.draft_posting(Actor(world.me.id), world.own.id, world.organisation.id, text)
    if up:
        bulletin.put_up(Actor(world.me.id), made.id, made.lock_version)
    return made


@row
def posting(world: World) -> Row:
    made = _posting(world, up=True)
    return Row({"uid": made.uid, "number": made.number}, world.own.path, world.organisation.id)


@row
def posting_number(world: World) -> Row:
    seen = world.row("posting")
    return Row({"number": seen.args["number"]}, seen.path, seen.organisation)


@row
def posting_draft_number(world: World) -> Row:
    return Row({"number": _posting(world, up=False).number}, world.own.path, world.organisation.id)


@row
def objection(world: World) -> Row:
    seen = world.row("posting")
    posting_id = db.session.scalars(sa.select(Posting.id).where(Posting.uid == seen.args["uid"])).one()
    made = bulletin.object_to(Actor(world.you.id), posting_id, "not so", person_id=world.you.person_id)
    return Row({"uid": seen.args["uid"], "objection_uid": made.uid}, seen.path, seen.organisation)


@row
def objection_number(world: World) -> Row:
    world.row("objection")
    known = world.row("posting_number")
    return Row({**known.args, "objection": 1}, known.path, known.organisation)


@row
def objection_receipt(world: World) -> Row:
    """Whoever holds the link; it repeats no words and no name."""
    return Row({"number": world.row("posting").args["number"], "uid": world.row("objection").args["objection_uid"]})


@row
def place_of_news(world: World) -> Row:
    return Row({"place": world.own.code})


@row
def own_subscription(world: World) -> Row:
    bulletin.subscribe(Actor(world.me.id), world.own.id, "person", world.me.person_id or 0)
    return Row({"place": world.own.code}, account=world.me.id)


@row
def place_code(world: World) -> Row:
    return Row({"code": world.own.code})


@row
def subscription(world: World) -> Row:
    token = "a-token-of-a-subscription"
    sealed = crypto.encrypt(json.dumps({"mail": "a@example.org", "token": token}), "subscription")
    hashes = {"hash": "h", "token_hash": crypto.token_hash(token)}
    add(Subscription(territory_id=world.own.id, receiver_kind="subscriber", sealed=sealed, lang="zh", **hashes))
    return Row({"token": token})


# ---- points -----------------------------------------------------------------------------------------------------------------
@row
def own_wallet(world: World) -> Row:
    """Of me, with points in it."""
    person_id = world.me.person_id or 0
    adopted_programme(world)
    points.earn(Actor(world.you.id), "hours:1", 1, person_id, 240, clock.today(), "other", "system")
    own = wallets.mine(person_id).own
    assert own is not None
    return Row({"wallet": own.uid}, world.own.path, person=person_id)


@row
def gift(world: World) -> Row:
    person_id = world.row("own_wallet").person or 0
    return Row({"row_id": donations.give(Actor(world.me.id), person_id, donations.Way.pool, 1_00)}, world.own.path, person=person_id)


@row
def points_month(world: World) -> Row:
    """A closed month with its report."""
    return Row({"month": world.row("points_month_desk").args["month"]})


@row
def points_month_desk(world: World) -> Row:
    programme, month = adopted_programme(world), date(2026, 10, 1)
    earned(programme, db.session.get_one(Person, world.me.person_id), month, 60, "hours:told")
    closed(date(2026, 10, 31))
    make_report(Actor(world.you.id), programme.id, month)
    return Row({"code": programme.code, "month": f"{month:%Y-%m}"}, world.district.path)


@row
def programme(world: World) -> Row:
    return Row({"code": adopted_programme(world).code}, world.district.path)


@row
def programme_named(world: World) -> Row:
    return Row({"programme": world.row("programme").args["code"]})


@row
def points_place(world: World) -> Row:
    """A community of a district that has rules."""
    adopted_programme(world)
    places = (world.district, world.town, world.own, world.other, world.other_town, world.grid)
    for each in (
        world.me,
        world.you,
        *places,
        world.organisation,
        world.stranger,
    ):  # the commit let them go, and the first door closes the session
        db.session.refresh(each)
    return Row({"place": world.own.code})


@row
def rules_draft(world: World) -> Row:
    """Written by somebody who is none of those who knock."""
    made = policy.draft(Actor(world.make["account"]().id), adopted_programme(world).id)
    return Row({"policy_id": made.id}, world.district.path)


@row
def no_wallet_yet(world: World) -> Row:
    return more(world, which="own")


@row
def no_wallet_of_verified(world: World) -> Row:
    made = people.create_person(Actor(world.me.id), world.own.id, Record("何敏华", birth_on="1950-01-02"), source=PersonSource.desk)
    add(Verification(person_id=made.id, place_id=world.own.id))
    return Row({"uid": made.uid, "which": "own"}, world.own.path)


@row
def verified_person(world: World) -> Row:
    known = world.row("no_wallet_of_verified")
    return replace(known, args={"uid": known.args["uid"]})


@row
def wallet_beside(world: World) -> Row:
    """The person's, by her own uid and the wallet's."""
    return more(world, wallet=world.row("desk_wallet").args["uid"])


@row
def gift_beside(world: World) -> Row:
    giver = _neighbour(world)
    uid = db.session.scalars(sa.select(Person.uid).where(Person.id == giver)).one()
    row_id = donations.give_beside(Actor(world.make["account"]().id, channel=Channel.desk), giver, donations.Way.pool, 1_00)
    return Row({"uid": uid, "row_id": row_id}, world.own.path)


@row
def desk_wallet(world: World) -> Row:
    """Of the person whom nobody who knocks lives with."""
    with atomic():
        wallet_id = points.wallet_of_person(adopted_programme(world).id, _person(world))
    return Row({"uid": db.session.scalars(sa.select(Wallet.uid).where(Wallet.id == wallet_id)).one()}, world.own.path)


def _wallet_id(world: World) -> int:
    return db.session.scalars(sa.select(Wallet.id).where(Wallet.uid == world.row("desk_wallet").args["uid"])).one()


@row
def desk_row(world: World) -> Row:
    (found,) = proposals.grant(Actor(world.you.id), _wallet_id(world), 5_00, source="care_grant:1", from_pool=False)
    return Row({"row_id": found}, world.own.path)


@row
def proposal(world: World) -> Row:
    """Asked for by somebody who is none of those who knock."""
    made = proposals.propose_grant(Actor(world.make["account"]().id), _wallet_id(world), 5_00, "x", from_pool=False)
    return Row({"uid": made.uid}, world.own.path)


@row
def proposal_answer(world: World) -> Row:
    return Row({**world.row("proposal").args, "answer": "refuse"}, world.own.path)


@row
def own_proposal(world: World) -> Row:
    made = proposals.propose_grant(Actor(world.me.id), _wallet_id(world), 5_00, "x", from_pool=False)
    return Row({"uid": made.uid}, world.own.path, account=world.me.id)


@row
def wallet_by_id(world: World) -> Row:
    return Row({"id": _wallet_id(world)}, world.own.path)


@row
def wallet_number(world: World) -> Row:
    return Row({"number": _wallet_id(world)}, world.own.path)


@row
def hint(world: World) -> Row:
    """About the person whom nobody who knocks lives with."""
    numbers = {
        "wallets": [_wallet_id(world)],
        "monday": "2026-11-16",
        "earned": 32_00,
        "usual": 4_00,
        "weeks": [],
        "times": 3,
        "above": 20_00,
    }
    made = add(Hint(territory_id=world.own.id, kind=HintKind.sudden, subject="wallet:1:2026-W47", detail=json.dumps(numbers)))
    return Row({"uid": made.uid}, world.own.path)


def adopted_programme(world: World) -> Programme:
    """The district's programme with rules in force."""
    found = db.session.scalars(sa.select(Programme).where(Programme.territory_id == world.district.id)).one_or_none()
    if found is None:
        found = points.open_programme(Actor(world.you.id), world.district.id, "PY", "番禺志愿积分", "Panyu volunteer points")
        adopt(found.id)
    return found


# ---- service for service ----------------------------------------------------------------------------------------------------
def _offer(world: World, person_id: int) -> Listing:
    text = ListingText(ListingKind.offer, Category.company, "散步", clock.today() + timedelta(days=30))
    return exchange.write_listing(Actor(world.you.id), person_id, world.own.id, text)


def _neighbour(world: World) -> int:
    """Somebody with points, none of those who knock and no relative of theirs."""
    made = people.create_person(Actor(world.me.id), world.own.id, Record("周丽华", birth_on="1961-02-03"), source=PersonSource.desk)
    programme_id = adopted_programme(world).id
    points.earn(Actor(world.you.id), f"hours:of-{made.id}", 1, made.id, 480, clock.today(), "other", "system")
    with atomic():
        points.wallet_of_person(programme_id, made.id)
    return made.id


def _agreed(world: World, listing: Listing) -> Exchange:
    """A neighbour wants what the listing offers, and its owner agrees: each by an account of her own, for today."""
    asks = _neighbour(world)
    made = exchange.respond(Actor(world.make["account"]().id), listing.id, asks, Proposal(60, clock.now() + timedelta(hours=2)))
    return exchange.accept(Actor(world.make["account"]().id), made.id, listing.person_id)


@row
def open_listing(world: World) -> Row:
    return Row({"uid": _offer(world, _neighbour(world)).uid}, world.own.path)


@row
def gone_listing(world: World) -> Row:
    made = _offer(world, _neighbour(world))
    exchange.end_listing(Actor(world.you.id), made.id, made.person_id)
    return Row({"uid": made.uid}, world.own.path)


@row
def own_listing(world: World) -> Row:
    person_id = world.me.person_id or 0
    return Row({"uid": _offer(world, person_id).uid}, world.own.path, person=person_id)


@row
def own_listing_verb(world: World) -> Row:
    return _with(world.row("own_listing"), verb="pause")


def _with(known: Row, **args: object) -> Row:
    return replace(known, args={**known.args, **args})


@row
def own_exchange(world: World) -> Row:
    person_id = world.me.person_id or 0
    return Row({"uid": _agreed(world, _offer(world, person_id)).uid}, world.own.path, person=person_id)


@row
def own_exchange_act(world: World) -> Row:
    return _with(world.row("own_exchange"), act="say")


@row
def exchange_row(world: World) -> Row:
    """Between two of whom nobody knocks."""
    return Row({"uid": _agreed(world, _offer(world, _neighbour(world))).uid}, world.own.path)


KINDS["exchange"] = exchange_row


@row
def dispute(world: World) -> Row:
    made = _agreed(world, _offer(world, _neighbour(world)))
    exchange.deliver(Actor(world.make["account"]().id), made.id, made.helper_id, 60)
    exchange.open_dispute(Actor(world.make["account"]().id), made.id, made.requester_id, "not so")
    return Row({"uid": made.uid}, world.own.path)


@row
def dispute_file(world: World) -> Row:
    """Handed in by one of two of whom nobody knocks."""
    known, data = world.row("dispute"), b"%PDF-1.4\n%%EOF\n"
    sha = hashlib.sha256(data).hexdigest()
    files.path_of(sha).parent.mkdir(parents=True, exist_ok=True)
    files.path_of(sha).write_bytes(data)
    query = sa.select(Dispute.id).join(Exchange, Exchange.id == Dispute.exchange_id).where(Exchange.uid == known.args["uid"])
    whose = {"owner_kind": DISPUTE_FILE, "owner_id": db.session.scalars(query).one()}
    add(StoredFile(sha256=sha, size=len(data), mime="application/pdf", name="a.pdf", **whose))
    return _with(known, sha=sha)


@row
def beside(world: World) -> Row:
    return Row({"person": world.row("person").args["uid"]}, world.own.path)


@row
def beside_listing(world: World) -> Row:
    return _with(world.row("beside"), uid=_offer(world, _person(world)).uid)


@row
def beside_listing_verb(world: World) -> Row:
    return _with(world.row("beside_listing"), verb="pause")


@row
def beside_other_listing(world: World) -> Row:
    return _with(world.row("beside"), uid=world.row("open_listing").args["uid"])


@row
def beside_exchange(world: World) -> Row:
    return _with(world.row("beside"), uid=_agreed(world, _offer(world, _person(world))).uid)


@row
def beside_exchange_act(world: World) -> Row:
    return _with(world.row("beside_exchange"), act="say")


# ---- territory and catalogue ------------------------------------------------------------------------------------------------
@row
def station(world: World) -> Row:
    made = world.make["station"](world.own, organisation=world.organisation)
    return Row({"code": made.code}, world.own.path, world.organisation.id)


@row
def closure(world: World) -> Row:
    seen, today = world.row("station"), clock.today()
    station_id = db.session.scalars(sa.select(Station.id).where(Station.code == seen.args["code"])).one()
    made = add(StationClosure(station_id=station_id, from_on=today, to_on=today, reason_zh="停电", reason_en="No power"))
    return Row({**seen.args, "closure_id": made.id}, world.own.path, world.organisation.id)


@row
def organisation(world: World) -> Row:
    return Row({"code": world.organisation.code}, world.own.path)


@row
def item(world: World) -> Row:
    world.make["item"](CODE, department=world.organisation)
    return Row({"code": CODE}, organisation=world.organisation.id)


# ---- front and core ---------------------------------------------------------------------------------------------------------
@row
def check(_world: World) -> Row:
    return Row({"name": "due_date.py"})


@row
def part(_world: World) -> Row:
    return Row({"name": "swagger-ui.css"})


@row
def days(_world: World) -> Row:
    return Row({"from": "2026-09-30", "days": 5})


@row
def file(world: World) -> Row:
    data = b"a,b\n1,2\n"
    sha = hashlib.sha256(data).hexdigest()
    files.path_of(sha).parent.mkdir(parents=True, exist_ok=True)
    files.path_of(sha).write_bytes(data)
    add(StoredFile(sha256=sha, size=len(data), mime="text/csv", name="a.csv", account_id=world.me.id))
    return Row({"sha": sha}, account=world.me.id)


@row
def upload(world: World) -> Row:
    return Row({"file": world.row("file").args["sha"]}, account=world.me.id)


@row
def kind(_world: World) -> Row:
    return Row({"kind": "people"})


def _load(account: Account) -> Row:
    stored = db.session.scalars(sa.select(StoredFile)).first()
    named = f'[{{"name": "a.csv", "sha256": "{stored.sha256 if stored else "0" * 64}"}}]'
    made = add(LoadRun(account_id=account.id, channel="web", files=named, state="done", report='{"kinds": {}}'))
    return Row({"uid": made.uid}, account=account.id)


@row
def load(world: World) -> Row:
    world.row("file")
    return _load(world.me)


@row
def others_load(world: World) -> Row:
    return _load(world.you)
