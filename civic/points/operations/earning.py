"""The door by which points are earned: any source's new total of minutes, booked as the difference (L12, L13).

It never refuses because of the wallet's state, so that hours never fail because of points: what a full or closed wallet cannot take goes to
the care pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from civic.core import audit, clock
from civic.core.atomic import atomic, open_connection
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.points import rules
from civic.points.errors import OtherEarning
from civic.points.models import (
    Earning,
    Policy,
    Proposal,
    ProposalKind,
    ProposalState,
    Reason,
    Transfer,
    TransferKind,
    WalletKind,
    WalletState,
)
from civic.points.operations import dues, holds, wallets
from civic.points.operations.books import Book, Locked, open_book
from civic.points.operations.ledger import Line, write


@dataclass(frozen=True)
class Service:
    """What was done: all of it, not what is new.  service_type and hour_class find the rate; donate_only: the pool gets all of it."""

    person_id: int
    minutes: int
    on: date
    service_type: str
    hour_class: str
    donate_only: bool = False


def earn(
    actor: Actor,
    source: str,
    revision: int,
    person_id: int,
    minutes: int,
    on: date,
    service_type: str,
    hour_class: str,
    donate_only: bool = False,
    programme_id: int | None = None,
    policy_id: int | None = None,
) -> Earning | None:
    """Book a source's new total of minutes; what it earned before is taken off, downwards as a transfer to the correction account.

    source: kind:id, as `hours:17`.  revision: 1, 2, …; the same one again changes nothing.  The rules are those of the day of the service:
    on a day without any (before the programme began) nothing is earned and None comes back.  programme_id: else that of the place which keeps
    her row; a source stays in the programme in which it began, wherever she moves.
    policy_id: rules that were agreed before, instead of those of the day.  donate_only: done as the volunteer of an outside group, whose
    points go to the care pool where these rules say so (`Policy.group_donates`); a later revision may say otherwise, all of it moves then.
    Raises OtherEarning when a revision comes again with other contents, after a later one, or for another person: a source whose person was
    wrong is set to 0 minutes and booked anew under another; ValueError for negative minutes.
    """
    if minutes < 0 or revision < 1:
        raise ValueError("minutes and revision are not negative")
    person_id = people.survivor_of(person_id) or person_id
    with atomic() as tx:
        before: Earning | None = db.session.scalars(_newest(source)).first()
        programme_id = before.programme_id if before is not None else programme_id or wallets.programme_of_person(person_id)
        agreed = db.session.get(Policy, policy_id) if policy_id is not None else None
        policy = agreed or (rules.in_force(programme_id, on) if programme_id is not None else None)
        if policy is None and before is not None:
            policy = db.session.get_one(Policy, before.policy_id)
        if programme_id is None or policy is None:
            return None
        book, wallet_id, person_id = _book_of(programme_id, person_id)
        book = replace(book, policy_id=policy.id)
        before = db.session.scalars(_newest(source).execution_options(populate_existing=True)).first()  # again, under the lock
        wallet, is_given = book.wallets[wallet_id], donate_only and policy.group_donates
        if before is not None and wallet.state is WalletState.closed:
            # what was in it went on, to an heir or the pool: turned, 2.00 would come a second time, due from a wallet that nobody pays for
            is_given = before.is_donated
        service = Service(person_id, minutes, on, service_type, hour_class, is_given)
        if before is not None and before.person_id not in people.all_rows_of(person_id):
            raise OtherEarning(source=source, revision=revision)
        if before is not None and revision <= before.revision:
            tx.result = _again(source, revision, service)
            return tx.result  # type: ignore[no-any-return]
        holds.touch(actor, book, wallet)
        row = _earning(book, policy, source, revision, service, before)
        difference = row.amount - (before.amount if before is not None else 0)
        _Booking(actor, book, wallet, row, policy).book(difference, before)
        audit.record(actor, "points.earned", "points_earning", row.id, minutes=minutes, amount=row.amount, difference=difference)
        tx.result = row
    return row


def _newest(source: str) -> sa.Select[Any]:
    return sa.select(Earning).where(Earning.source == source).order_by(Earning.revision.desc()).limit(1)


def _book_of(programme_id: int, person_id: int) -> tuple[Book, int, int]:
    """Her wallet under lock, its id, and whose it is: a merge that committed while this waited leads on to the survivor."""
    while True:
        wallet_id = wallets.wallet_of_person(programme_id, person_id)
        book = open_book([wallet_id])
        survivor = people.survivor_of(person_id) or person_id
        if survivor == person_id:
            return book, wallet_id, person_id
        person_id = survivor


def _again(source: str, revision: int, service: Service) -> Earning:
    row = db.session.scalars(sa.select(Earning).where(Earning.source == source, Earning.revision == revision)).first()
    same = row is not None and (row.minutes, row.on, row.service_type, row.hour_class, row.is_donated) == (
        service.minutes, service.on, service.service_type, service.hour_class, service.donate_only,
    )  # fmt: skip
    if row is None or not same or row.person_id not in people.all_rows_of(service.person_id):
        raise OtherEarning(source=source, revision=revision)
    return row


def _earning(book: Book, policy: Policy, source: str, revision: int, service: Service, before: Earning | None) -> Earning:
    """The row, with what counts of its minutes: rounded down, and no more than the day has left beside the person's other sources."""
    rate = rules.rate_of(policy, service.service_type, service.hour_class)
    left = max(0, policy.daily - counted_on(service.person_id, service.on, source))
    counted = min(rules.rounded(policy, service.minutes), left // policy.rounding * policy.rounding)
    row = Earning(
        programme_id=book.programme_id, source=source, revision=revision, person_id=service.person_id, on=service.on,
        service_type=service.service_type, hour_class=service.hour_class, minutes=service.minutes, counted=counted, rate=rate,
        amount=counted * rate // 60, offset=0, policy_id=policy.id, is_donated=service.donate_only, at=book.now,
    )  # fmt: skip
    if before is not None and (less := taken_back(before, row)):
        row.offset = min(less, _reversed(source, Reason.earned, Reason.overflow) - _offset(source))
    db.session.add(row)
    db.session.flush()
    return row


def taken_back(before: Earning, row: Earning) -> int:
    """Hundredths of the revision before that go back: what is less now; all of it when they belong to somebody else now."""
    return before.amount if before.is_donated != row.is_donated else max(0, before.amount - row.amount)


def _reversed(source: str, *reasons: Reason) -> int:
    """Hundredths of this source's rows that reversals took: of what it gave, nothing is taken twice; a reversed correction took nothing."""
    taken = sa.select(sa.func.sum(Proposal.amount)).join(Transfer, Transfer.id == Proposal.transfer_id)
    taken = taken.where(Proposal.kind == ProposalKind.reversal, Proposal.state == ProposalState.done)
    return int(db.session.scalar(taken.where(Transfer.source == source, Transfer.reason.in_(reasons))) or 0)


def _offset(source: str) -> int:
    """Hundredths of earlier decreases that were set off against reversals."""
    return int(db.session.scalar(sa.select(sa.func.sum(Earning.offset)).where(Earning.source == source)) or 0)


def counted_on(person_id: int, on: date, but_source: str) -> int:
    """Counted minutes of a person's other sources on a local day, the newest revision of each."""
    later = sa.orm.aliased(Earning)
    newest = ~sa.exists().where(later.source == Earning.source, later.revision > Earning.revision)
    query = sa.select(sa.func.sum(Earning.counted)).where(
        Earning.person_id.in_(people.all_rows_of(person_id)), Earning.on == on, Earning.source != but_source, newest
    )
    return int(db.session.scalar(query) or 0)


@dataclass
class _Booking:
    """The rows of the ledger that one earning makes."""

    actor: Actor
    book_: Book
    wallet: Locked
    row: Earning
    policy: Policy

    def book(self, difference: int, before: Earning | None) -> None:
        """The difference; where hours turn out to be a group's after all, or her own, 2.00 go back whence they went and 2.00 come anew."""
        less = taken_back(before, self.row) if before is not None else 0
        if less > self.row.offset:
            self._take(less - self.row.offset)
        if difference + less:
            self._credit(difference + less)

    def _line(self, reason: Reason, debit: int, credit: int, amount: int, **more: Any) -> None:
        row = self.row
        detail = {
            "minutes": row.minutes, "counted": row.counted, "rate": row.rate, "type": row.service_type, "class": row.hour_class,
            "on": row.on.isoformat(), "revision": row.revision, **more,
        }  # fmt: skip
        line = Line(TransferKind.single, reason, debit, credit, amount, earning_id=row.id, detail=detail)
        write(self.actor, self.book_, row.source, [line])

    def _credit(self, amount: int) -> None:
        """Up to the cap into the wallet, the rest to the care pool; what is due is taken from what came."""
        issuance = self.book_.system[WalletKind.issuance]
        is_given = self.row.is_donated or self.wallet.state is WalletState.closed
        kept = 0 if is_given else max(0, min(amount, self.policy.cap - self.wallet.balance))
        if kept:
            pot = self.book_.pot_of_year(self.wallet, clock.today().year)
            self._line(Reason.earned, issuance, pot.id, kept)
        if amount > kept:
            pool = self.book_.pool()
            why = "donated" if self.row.is_donated else "closed" if is_given else "cap"
            self._line(Reason.overflow, issuance, self.book_.pot_of_year(pool, 0).id, amount - kept, why=why, cap=self.policy.cap)
            dues.recover(self.actor, self.book_, pool, self.row.source)
        if kept:
            dues.recover(self.actor, self.book_, self.wallet, self.row.source)

    def _take(self, amount: int) -> None:
        """Back from where this source's points went: first what flowed to the pool, then the wallet; what is spent becomes due."""
        overflowed = min(amount, self._in_pool())
        if overflowed:
            dues.take(self.actor, self.book_.pool(), overflowed, self._corrects)
        if amount > overflowed:
            dues.take(self.actor, self.wallet, amount - overflowed, self._corrects)

    def _corrects(self, pot_id: int, amount: int) -> None:
        self._line(Reason.corrected, pot_id, self.book_.system[WalletKind.correction], amount)

    def _in_pool(self) -> int:
        """Hundredths of this source that went to the care pool and were not taken back, by corrections or by reversals."""
        t, pool = Transfer.__table__, self.book_.pot_of_year(self.book_.pool(), 0).id
        signed = sa.case((t.c.credit_id == pool, t.c.amount), else_=-t.c.amount)
        of_pool = sa.or_(t.c.credit_id == pool, t.c.debit_id == pool)
        query = sa.select(sa.func.sum(signed)).where(t.c.source == self.row.source, of_pool, t.c.reason != Reason.recovered)
        return max(0, int(open_connection().execute(query).scalar() or 0) - _reversed(self.row.source, Reason.overflow))
