"""Points of a year that run out (L14), and holds whose time is over.

Off by default.  With `expiry_years` n the points of year y count until the last day of y + n.  Thirty and seven days before, whoever owns
them is told; without both notices, or where nobody can be told, they stay for another year.  Held points do not run out while they are held,
and what came back or came in within the last thirty days stays that long.  A frozen wallet's points wait: their owner could not spend them.
Where the job stood still, a notice is sent some days late at most (`LATE`), else not at all.

Worked: rules with n = 2.  Points of 2026 are told of on 1 and on 24 December 2028 and run out in the night to 1 January 2029.  If the job
runs again on 9 December 2028, or on the 28th, a notice is missed: both are sent in December 2029.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.accounts.models import Account
from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.jobs import run_each
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Receiver, Topic, contacts_of
from civic.core.messages.sending import send
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import Membership, Person, Representation
from civic.points import amounts, queries, rules
from civic.points.errors import NoPolicy
from civic.points.models import Hold, HoldState, Policy, Programme, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind, WalletState
from civic.points.operations import holds
from civic.points.operations.books import Book, Locked, open_book
from civic.points.operations.ledger import Line, write

TOPIC = "points-expiry"
EXPIRY_TOPIC = Topic(TOPIC, _l("Points that run out soon"), (MessageChannel.mail, MessageChannel.text), is_fixed=True)
FIRST, SECOND = 30, 7  # days before the last day, of the two notices
LATE = {FIRST: 7, SECOND: 3}  # days by which a notice may be late: 23 and 4 are left then
GRACE = timedelta(days=30)
SLICE = 500  # wallets looked for at a time
JOB, HOLDS = Actor(None, job="points-expiry"), Actor(None, job="points-holds")
_V, _W, _T = Vintage.__table__, Wallet.__table__, Transfer.__table__


@dataclass(frozen=True)
class Expiring:
    """Points of one year with their last day; hundredths, held ones apart."""

    year: int
    last_on: date
    amount: int
    held: int


def expiring(wallet_id: int, today: date) -> list[Expiring]:
    """The forecast of a wallet, the next to run out first; [] where points do not run out."""
    programme_id = db.session.scalar(sa.select(_W.c.programme_id).where(_W.c.id == wallet_id, _W.c.state != WalletState.closed))
    policy = rules.in_force(programme_id, today) if programme_id is not None else None
    if policy is None or not policy.expiry_years:
        return []
    query = sa.select(_V.c.year, _V.c.balance, _V.c.held).where(_V.c.wallet_id == wallet_id, _V.c.year > 0, _V.c.balance > 0)
    rows = db.session.execute(query.order_by(_V.c.year))
    return [Expiring(row.year, rules.last_day(row.year, policy.expiry_years, today), row.balance - row.held, row.held) for row in rows]


# ---- the jobs -------------------------------------------------------------------------------------------------------------


def run() -> int:
    """The job of the night: notices, then what has run out; wallet by wallet, each in a transaction of its own.  Returns wallets changed."""
    today, due = clock.today(), defaultdict[int, list[Callable[[int], bool]]](list)
    for programme_id in list(db.session.scalars(sa.select(Programme.id).order_by(Programme.id))):
        policy = rules.in_force(programme_id, today)
        years = policy.expiry_years if policy is not None else 0
        left = (date(today.year, 12, 31) - today).days
        _forget_notices(programme_id, today.year - years if years else -1, is_december=left <= FIRST)
        if not years:
            continue
        if left <= FIRST:
            before, now = (0, FIRST) if left > SECOND else (FIRST, SECOND)
            if left >= now - LATE[now]:
                for id_ in _wallets(programme_id, today.year - years, before):
                    due[id_].append(partial(_notify, years=years, before=before, now=now))
        if left > SECOND:  # in the last week nothing runs out: a second notice of this December is not one of the last
            for id_ in _wallets(programme_id, today.year - years - 1, SECOND):
                due[id_].append(_run_out)
    return sum(run_each("points-expiry", list(due), lambda id_: sum(act(id_) for act in due[id_]) > 0))


def end_due_holds() -> int:
    """The job of the minute: give back what holds set aside whose time is over.  Returns how many."""
    due = sa.select(Hold.id).where(Hold.state == HoldState.open, Hold.expires_at <= clock.now()).order_by(Hold.expires_at, Hold.id)
    return sum(run_each("points-holds", list(db.session.scalars(due)), partial(holds.expire, HOLDS)))


def _forget_notices(programme_id: int, newest: int, *, is_december: bool) -> None:
    """Of years that do not run out this year (the rules were changed), and first notices whose second was missed."""
    stale = _V.c.year > newest
    if not is_december:
        stale = sa.or_(stale, _V.c.noticed == FIRST)
    which = sa.and_(_V.c.programme_id == programme_id, _V.c.noticed != 0, stale)
    if db.session.scalar(sa.select(_V.c.id).where(which).limit(1)) is not None:
        with atomic():
            db.session.execute(sa.update(_V).where(which).values(noticed=0))


def _wallets(programme_id: int, newest: int, noticed: int) -> Iterator[int]:
    """Open wallets with points of a year up to `newest` whose last notice was `noticed`."""
    last = 0
    while True:
        query = (
            sa.select(_V.c.wallet_id)
            .join(_W, _W.c.id == _V.c.wallet_id)
            .where(_V.c.programme_id == programme_id, _V.c.year.between(1, newest), _V.c.noticed == noticed, _V.c.balance > 0)
            .where(_W.c.state == WalletState.open, _V.c.wallet_id > last)
            .distinct()
            .order_by(_V.c.wallet_id)
            .limit(SLICE)
        )
        ids = list(db.session.scalars(query))
        yield from ids
        if len(ids) < SLICE:
            return
        last = ids[-1]


def _open(wallet_id: int) -> tuple[Book, Locked] | None:
    """The wallet under lock; None when it gives nothing now."""
    try:
        book = open_book([wallet_id])
    except NoPolicy:
        return None
    wallet = book.wallets[wallet_id]
    return (book, wallet) if wallet.state is WalletState.open else None


def _years_of(book: Book) -> int:
    return int(db.session.scalar(sa.select(Policy.expiry_years).where(Policy.id == book.policy_id)) or 0)


# ---- notices ----------------------------------------------------------------------------------------------------------------


def _notify(wallet_id: int, years: int, before: int, now: int) -> bool:
    """Tell the owners of everything that runs out at the end of this year; False when nobody can be told."""
    today = clock.today()
    with atomic():
        opened = _open(wallet_id)
        if opened is None or _years_of(opened[0]) != years:
            return False
        due = (_V.c.wallet_id == wallet_id, _V.c.year.between(1, today.year - years), _V.c.noticed == before, _V.c.balance > 0)
        ids = list(db.session.scalars(sa.select(_V.c.id).where(*due)))
        found = [pot for pot in opened[1].pots if pot.id in ids]
        receivers = receivers_of(opened[1])
        if not found or not receivers:
            return False
        values: dict[str, Any] = {
            "amount": amounts.short(sum(pot.balance for pot in found)), "years": [pot.year for pot in found],
            "last_on": date(today.year, 12, 31), "is_household": opened[1].kind is WalletKind.household,
        }  # fmt: skip
        for person_id in receivers:
            send(Receiver("person", person_id), TOPIC, "points/expiring", href="/points/", **values)
        db.session.execute(sa.update(_V).where(_V.c.id.in_([pot.id for pot in found])).values(noticed=now))
        audit.record(JOB, "points.expiry_noticed", "points_wallet", wallet_id, days=now, vintages=[pot.id for pot in found])
    return True


def receivers_of(wallet: Locked) -> list[int]:
    """The people who are told: the owner, the adults of a household, who speaks for a child; those alone who can be reached."""
    if wallet.person_id is not None:
        owner = people.survivor_of(wallet.person_id) or wallet.person_id
        wanted = [owner] if _grown_up([owner]) else [owner, *_speakers(owner)]
    else:
        m = Membership
        wanted = _grown_up(
            list(db.session.scalars(sa.select(m.person_id).where(m.household_id == wallet.household_id, m.ended_on.is_(None))))
        )
    return _reachable(wanted)


def _grown_up(ids: list[int]) -> list[int]:
    query = sa.select(Person.id, Person.birth_year, Person.sealed).where(Person.id.in_(ids)).order_by(Person.id)
    return [row.id for row in db.session.execute(query) if queries.is_grown_up(row.birth_year, row.sealed)]


def _speakers(person_id: int) -> list[int]:
    r, today = Representation, clock.today()
    query = sa.select(r.representative_id).where(
        r.represented_id == person_id,
        r.from_on <= today,
        sa.or_(r.ended_on.is_(None), r.ended_on > today),
        sa.or_(r.until_on.is_(None), r.until_on >= today),
    )
    return sorted(set(db.session.scalars(query)))


def _reachable(ids: list[int]) -> list[int]:
    """With an address, or a login that shows the inbox.  The dead and those whose account was closed are missing among the contacts."""
    contacts = contacts_of("person", ids)
    logins = set(db.session.scalars(sa.select(Account.person_id).where(Account.person_id.in_(ids), Account.closed_at.is_(None))))
    return [i for i in ids if i in contacts and (contacts[i].mail or contacts[i].phone or i in logins)]


# ---- running out ------------------------------------------------------------------------------------------------------------


def _run_out(wallet_id: int) -> bool:
    """Move what has run out to the expiry account; False when nothing had."""
    with atomic():
        opened = _open(wallet_id)
        if opened is None:
            return False
        book, wallet = opened
        years, done = _years_of(book), 0
        holds.touch(JOB, book, wallet)
        told = set(db.session.scalars(sa.select(_V.c.id).where(_V.c.wallet_id == wallet_id, _V.c.noticed == SECOND)))
        for pot in wallet.pots:
            if pot.id not in told or not years or pot.year + years >= clock.today().year:
                continue
            amount = pot.free - fresh(pot.id)
            if amount > 0:
                detail = {"year": pot.year, "years": years}
                line = Line(TransferKind.single, Reason.expired, pot.id, book.system[WalletKind.expiry], amount, detail=detail)
                write(JOB, book, f"vintage:{pot.id}", [line])
                done += amount
        if done:  # what comes into an emptied year later is told of anew
            empty = [pot.id for pot in wallet.pots if pot.balance == 0]
            db.session.execute(sa.update(_V).where(_V.c.id.in_(empty)).values(noticed=0))
            audit.record(JOB, "points.years_expired", "points_wallet", wallet_id, amount=done)
    return done > 0


def fresh(vintage_id: int) -> int:
    """Hundredths that came into a vintage, or back from a hold, within the last thirty days: they stay at least that long."""
    since, held = clock.now() - GRACE, sa.alias(_T)
    came = sa.select(sa.func.sum(_T.c.amount)).where(
        _T.c.credit_id == vintage_id, _T.c.kind.in_([TransferKind.single, TransferKind.reversal]), _T.c.at > since
    )
    spent = sa.case((_T.c.kind == TransferKind.post, _T.c.amount), else_=0)
    back = (
        sa.select(sa.func.sum(held.c.amount - spent))
        .select_from(_T)
        .join(held, held.c.id == _T.c.ends_id)
        .where(_T.c.debit_id == vintage_id, _T.c.at > since)
    )
    return int(db.session.scalar(came) or 0) + int(db.session.scalar(back) or 0)
