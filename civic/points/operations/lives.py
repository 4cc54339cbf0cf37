"""What becomes of wallets when people die, count as one, part or leave: inside the transaction of the event.

One rule: an open wallet whose owner is gone leaves its points to whoever goes on, year by year, and knows its heir; a frozen one waits until
the office has decided, then a job of the night does the same (left.py).  What comes back later goes back by reversal rows, as far as
it is still there; what was spent meanwhile is asked from nobody, because whoever spent it was told that it was hers.

Locks: what other modules hold points for (their rows, which `life_ends` and `rows_merge` let them lock first), then all wallets that this event
may touch, by id, before the first of them gives to the care pool.  An exchange that is confirmed meanwhile locks in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.core import audit
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import Membership, Person
from civic.points import signals
from civic.points.errors import NoPolicy
from civic.points.models import OWNED, Hold, HoldState, Reason, Transfer, TransferKind, Vintage, Wallet, WalletState
from civic.points.operations import closing, dues, holds, wallets
from civic.points.operations.books import Book, Locked, open_book
from civic.points.operations.homes import household_now, household_that_ended_with
from civic.points.operations.ledger import Line, write

DEATH, MERGE, ENDED = "death", "merge", "ended"  # words of Wallet.state_why
DUE_MOVED, WALLET_BACK = "points.due_moved", "points.wallet_back"  # lines of the audit that undoing reads
DUE_BACK = "points.due_back"  # read by `civic check`, as the other two
_W = Wallet.__table__


@dataclass(frozen=True)
class Row:
    """A wallet of an owner, before it is locked."""

    id: int
    programme_id: int
    state: WalletState
    state_why: str
    heir_id: int | None


# ---- events ---------------------------------------------------------------------------------------------------------------


def after_death(actor: Actor, person_id: int) -> None:
    """Her holds are given back, her wallet goes to the household she lived in while somebody lives there, else to the care pool.

    A wallet of a row that was merged into hers and is still open (it was frozen then) becomes hers first, as the merge would have done it: who
    undoes the merge opens it again.  What she owed beyond her points is asked from nobody: the number stays on the closed wallet, so that
    undoing the death finds it.  Sends `hold_ended_by_life` for each hold.
    """
    rows = people.all_rows_of(person_id)
    found, home = _of_people(rows), household_left(rows)
    signals.life_ends.send(None, actor=actor, person_ids=rows, wallet_ids=_ids(found, _of_household(home)))
    if not found:
        return
    heirs = _heirs(found, home)
    merged, hers = _of_merged(person_id, rows)
    lock([*_ids(found), *hers.values(), *heirs.values()])
    _give_back_holds(actor, _ids(found))
    for row in merged:
        _leave(actor, row, MERGE, hers[row.programme_id], with_due=True)
    for row in _of_people([person_id]):
        _leave(actor, row, DEATH, heirs.get(row.programme_id))


def _of_merged(person_id: int, rows: Sequence[int]) -> tuple[list[Row], dict[int, int]]:
    """Wallets of rows that were merged into hers and are still open, and by programme the wallet of hers that gets what is in them."""
    merged = [row for row in _of_people([id_ for id_ in rows if id_ != person_id]) if row.state is not WalletState.closed]
    return merged, {row.programme_id: wallets.wallet_of_person(row.programme_id, person_id) for row in merged}


def after_emptying(actor: Actor, person_id: int) -> None:
    """Her row names nobody any more: what she left unused goes the same way.  Holds had ended before (`open_work`)."""
    rows = people.all_rows_of(person_id)
    found = [row for row in _of_people(rows) if row.state is not WalletState.closed]
    if not found:
        return
    heirs = _heirs(found, household_left(rows))
    merged, hers = _of_merged(person_id, rows)
    lock([*_ids(found), *hers.values(), *heirs.values()])
    for row in merged:
        _leave(actor, row, MERGE, hers[row.programme_id], with_due=True)
    for row in _of_people([person_id]):
        if row.state is not WalletState.closed:
            _leave(actor, row, ENDED, heirs.get(row.programme_id))


def after_merge(actor: Actor, loser_id: int, survivor_id: int) -> None:
    """The wallet of the merged row goes to the one that stays, and so does what it owes; holds stay and are forwarded when they end."""
    found = [row for row in _of_people([loser_id]) if row.state is not WalletState.closed]
    touched = _ids(found, _of_people([survivor_id]))
    signals.rows_merge.send(None, actor=actor, loser_id=loser_id, survivor_id=survivor_id, wallet_ids=touched)
    heirs = {row.programme_id: wallets.wallet_of_person(row.programme_id, survivor_id) for row in found}
    lock([*_ids(found), *heirs.values()])
    for row in found:
        _leave(actor, row, MERGE, heirs[row.programme_id], with_due=True)


def after_household_end(actor: Actor, household_id: int) -> None:
    """Its wallet goes to the household that its last members joined; when nobody is left, its holds are given back and the pool takes it."""
    found = [row for row in _of_household(household_id) if row.state is not WalletState.closed]
    if not found:
        return
    successor, members = successor_of(household_id), _wallets_of_members(household_id)
    _tell_of_members(actor, household_id, [*_ids(found, _of_household(successor)), *members])
    heirs = _heirs(found, successor)
    # the events that follow in this transaction lock the members' wallets: before the pool, never after it
    lock([*_ids(found), *heirs.values(), *members])
    for row in found:
        heir = heirs.get(row.programme_id)
        if heir is None:
            _give_back_holds(actor, [row.id])
        _leave(actor, row, ENDED, heir, with_due=True)


def after_death_undone(actor: Actor, person_id: int) -> None:
    """Her wallet is open again; what it left comes back as far as it is there, the household's too when it ended with her."""
    _come_back(actor, person_id, DEATH)


def after_merge_undone(actor: Actor, loser_id: int) -> None:
    """The same after a wrong merge, with what the row had owed."""
    _come_back(actor, loser_id, MERGE)


# ---- who goes on ----------------------------------------------------------------------------------------------------------


def household_left(person_ids: Sequence[int]) -> int | None:
    """The household she was in last, when somebody lives in it; of merged rows the one that ended last."""
    m = Membership
    last = sa.select(m.household_id).where(m.person_id.in_(person_ids)).order_by(m.ended_on.is_not(None), m.ended_on.desc(), m.id.desc())
    household_id = db.session.scalar(last.limit(1))
    if household_id is None:
        return None
    others = sa.select(m.id).where(m.household_id == household_id, m.ended_on.is_(None), m.person_id.not_in(person_ids))
    return household_id if db.session.scalar(others.limit(1)) is not None else None


def successor_of(household_id: int) -> int | None:
    """The household that those joined who left this one on its last day; of a merged row the household of its survivor."""
    m, now = Membership, aliased(Membership)
    last_day = sa.select(sa.func.max(m.ended_on)).where(m.household_id == household_id).scalar_subquery()
    query = (
        sa.select(now.household_id)
        .select_from(m)
        .join(Person, Person.id == m.person_id)
        .join(now, sa.and_(now.person_id == sa.func.coalesce(Person.merged_into_id, Person.id), now.ended_on.is_(None)))
        .where(m.household_id == household_id, m.ended_on == last_day, now.household_id != household_id)
        .order_by(m.id.desc())
    )
    return db.session.scalar(query.limit(1))


def _heirs(left: Sequence[Row], household_id: int | None) -> dict[int, int]:
    """Programme → the household's wallet, opened where there is something for it."""
    if household_id is None:
        return {}
    filled = sa.select(Vintage.programme_id).where(Vintage.wallet_id.in_([row.id for row in left]), Vintage.balance > 0).distinct()
    return {programme_id: wallets.wallet_of_household(programme_id, household_id) for programme_id in db.session.scalars(filled).all()}


def _of_people(person_ids: Sequence[int]) -> list[Row]:
    return _rows(_W.c.person_id.in_(person_ids))


def _of_household(household_id: int | None) -> list[Row]:
    return _rows(_W.c.household_id == household_id) if household_id is not None else []


def _ids(*found: Sequence[Row]) -> list[int]:
    return [row.id for rows in found for row in rows]


def _rows(where: sa.ColumnElement[bool]) -> list[Row]:
    query = sa.select(_W.c.id, _W.c.programme_id, _W.c.state, _W.c.state_why, _W.c.heir_id).where(where).order_by(_W.c.id)
    return [Row(*row) for row in db.session.execute(query)]


def _wallets_of_members(household_id: int) -> list[int]:
    """Wallets of everybody who was ever in the household, and of those whom they were merged into."""
    whose = sa.select(Membership.person_id, Person.merged_into_id).join(Person, Person.id == Membership.person_id)
    ids = {i for pair in db.session.execute(whose.where(Membership.household_id == household_id)) for i in pair if i is not None}
    return [row.id for row in _of_people(sorted(ids))]


def _tell_of_members(actor: Actor, household_id: int, wallet_ids: Sequence[int]) -> None:
    """The death or merge with which it ended is told to others before the first wallet is locked; the event itself follows."""
    last_day = sa.select(sa.func.max(Membership.ended_on)).where(Membership.household_id == household_id).scalar_subquery()
    query = sa.select(Person).join(Membership, Membership.person_id == Person.id)
    query = query.where(Membership.household_id == household_id, Membership.ended_on == last_day).order_by(Person.id)
    for person in db.session.scalars(query).all():
        if person.died_on is not None:
            signals.life_ends.send(None, actor=actor, person_ids=people.all_rows_of(person.id), wallet_ids=wallet_ids)
        elif person.merged_into_id is not None:
            signals.rows_merge.send(None, actor=actor, loser_id=person.id, survivor_id=person.merged_into_id, wallet_ids=wallet_ids)


def lock(wallet_ids: Iterable[int]) -> None:
    """These wallets, by id.  Whatever is locked again later in the transaction is already ours."""
    query = sa.select(_W.c.id).where(_W.c.id.in_(sorted(set(wallet_ids)))).order_by(_W.c.id)
    db.session.execute(query.with_for_update(key_share=True)).all()


# ---- leaving --------------------------------------------------------------------------------------------------------------


def _give_back_holds(actor: Actor, wallet_ids: Sequence[int]) -> None:
    """Void each open hold and say so, that the storing module ends its own row; one whose time is over has lapsed."""
    query = sa.select(Hold.id).where(Hold.wallet_id.in_(wallet_ids), Hold.state == HoldState.open).order_by(Hold.id)
    for hold_id in list(db.session.scalars(query)):
        if not holds.expire(actor, hold_id):
            signals.hold_ended_by_life.send(holds.void(actor, hold_id), actor=actor)


def _leave(actor: Actor, row: Row, why: str, heir_id: int | None, *, with_due: bool = False) -> None:
    """Close a wallet for its heir, else for the pool: first it pays what it owes; with_due: the heir owes the rest.

    A frozen wallet stays as it is: nothing leaves it before the office has decided.
    """
    try:
        book = open_book([row.id, *([heir_id] if heir_id is not None else [])])
    except NoPolicy:  # no rules yet, so no points either: the event is not refused for that
        return
    wallet = book.wallets[row.id]
    if wallet.state is not WalletState.open:
        return
    source = f"wallet:{wallet.id}"
    dues.recover(actor, book, wallet, source)
    wallets.close(actor, wallet.id, why, heir_id, with_holds=True)
    if heir_id is None:
        return
    book = open_book([wallet.id, heir_id])
    heir = closing.heir_of(book, book.wallets[wallet.id])
    if with_due and wallet.due and heir.kind in OWNED:
        _set_due(book.wallets[wallet.id], 0)
        _set_due(heir, heir.due + wallet.due)
        audit.record(actor, DUE_MOVED, "points_wallet", wallet.id, amount=wallet.due, to=heir.id)
    dues.recover(actor, book, heir, source)


def _set_due(wallet: Locked, due: int) -> None:
    db.session.execute(sa.update(_W).where(_W.c.id == wallet.id).values(due=due))
    wallet.due = due


# ---- coming back ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """A row of the ledger that took points out of a closed wallet and was not reversed."""

    id: int
    debit: int
    credit: int
    amount: int
    to_wallet: int
    is_owned: bool


@dataclass(frozen=True)
class Left:
    """A closed wallet with what left it; due, due_to: what it owed when it was merged, and the wallet that owes it since."""

    row: Row
    moved: list[Moved]
    after: int = 0  # the newest row that an earlier undoing looked at
    due: int = 0
    due_to: int | None = None

    @property
    def owned(self) -> set[int]:
        """The wallets of people and households in which its points lie, and the one that owes for it."""
        return {line.to_wallet for line in self.moved if line.is_owned} | ({self.due_to} if self.due_to is not None else set())


def _come_back(actor: Actor, person_id: int, why: str) -> None:
    """Her wallets that were closed for this reason, and that of the household that ended with her: into her new one."""
    mine = [_left_by(row) for row in _of_people([person_id]) if row.state is WalletState.closed and row.state_why == why]
    old, new = household_that_ended_with(person_id), household_now(person_id)
    gone = [row for row in _of_household(old) if row.state_why == ENDED] if old is not None and new is not None else []
    theirs = [_left_by(row) for row in gone]
    homes = {row.programme_id: wallets.wallet_of_household(row.programme_id, new) for row in gone if new is not None}
    found = [*mine, *theirs]
    lock([*(left.row.id for left in found), *homes.values(), *(id_ for left in found for id_ in left.owned)])
    for left in mine:
        _return(actor, left)
    for left in theirs:
        _return(actor, left, forward_to=homes[left.row.programme_id])


def _left_by(row: Row) -> Left:
    """What left it since it was closed last.  How much it owed, and up to which row an earlier undoing went, only the audit knows."""
    e = AuditEvent
    mine = (e.subject_kind == "points_wallet", e.subject_id == row.id, e.verb.in_([DUE_MOVED, WALLET_BACK]))
    lines = db.session.execute(sa.select(e.verb, e.context).where(*mine).order_by(e.id.desc())).all()
    before = next((json.loads(line.context)["last"] for line in lines if line.verb == WALLET_BACK), 0)
    due = json.loads(lines[0].context) if lines and lines[0].verb == DUE_MOVED else {}
    return Left(row, moved_from(row.id, after=before), before, due.get("amount", 0), due.get("to"))


def moved_from(wallet_id: int, *, after: int = 0) -> list[Moved]:
    """What left a wallet by merge, death or closing and stands, with an id above `after`; by id."""
    t, again = Transfer.__table__, aliased(Transfer)
    query = (
        sa.select(t.c.id, t.c.debit_id, t.c.credit_id, t.c.amount, _W.c.id.label("to_wallet"), _W.c.kind)
        .join(Vintage, Vintage.id == t.c.credit_id)
        .join(_W, _W.c.id == Vintage.wallet_id)
        .where(
            t.c.id > after,
            t.c.debit_id.in_(sa.select(Vintage.id).where(Vintage.wallet_id == wallet_id)),
            t.c.kind == TransferKind.single,
            t.c.reason == Reason.moved,
            ~sa.exists().where(again.reverses_id == t.c.id),
        )
        .order_by(t.c.id)
    )
    return [Moved(r.id, r.debit_id, r.credit_id, r.amount, r.to_wallet, r.kind in OWNED) for r in db.session.execute(query)]


def _return(actor: Actor, left: Left, *, forward_to: int | None = None) -> None:
    """Reverse what left a wallet, as far as it is free where it went, and open the wallet again.

    forward_to: of an ended household; its wallet stays closed, has this heir from now on, and the points go there.
    """
    book = open_book([left.row.id, *left.owned])
    wallet = book.wallets[left.row.id]
    for id_ in sorted(left.owned):
        holds.touch(actor, book, book.wallets[id_])
    if any(not line.is_owned for line in left.moved):
        book.pool()
    back = sum(_reverse(actor, book, wallet, line) for line in left.moved)
    asked = sum(line.amount for line in left.moved)
    wallet.heir_id = forward_to
    if forward_to is None:
        wallet.state = WalletState.open
    why = "" if forward_to is None else ENDED
    db.session.execute(sa.update(_W).where(_W.c.id == wallet.id).values(state=wallet.state, state_why=why, heir_id=forward_to))
    home = wallet if forward_to is None else book.also(forward_to)
    _due_comes_back(actor, book, home, left)
    for each in {wallet.id: wallet, home.id: home}.values():
        dues.recover(actor, book, each, f"wallet:{wallet.id}")
    closing.forward(actor, book, wallet)
    last = max((line.id for line in left.moved), default=left.after)
    audit.record(actor, WALLET_BACK, "points_wallet", wallet.id, moved=asked, back=back, spent=asked - back, last=last)


def _reverse(actor: Actor, book: Book, wallet: Locked, line: Moved) -> int:
    """One counter row, and where that year was spent in the meantime, what else is free there.

    The oldest years are spent first, whoever earned them, so the years that are left do not tell whose points were spent.
    """
    giver, source, detail = book.wallets[line.to_wallet], f"wallet:{wallet.id}", {"moved": line.amount}
    left = line.amount
    for pot in sorted(giver.pots, key=lambda pot: (pot.id != line.credit, -pot.year)):
        part = min(pot.free, left)
        if part > 0:
            kind, of = (TransferKind.reversal, line.id) if pot.id == line.credit else (TransferKind.single, None)
            write(actor, book, source, [Line(kind, Reason.reversed, pot.id, line.debit, part, reverses_id=of, detail=detail)])
            left -= part
    return line.amount - left


def _due_comes_back(actor: Actor, book: Book, wallet: Locked, left: Left) -> None:
    """As far as it was not paid since by the wallet that took it over."""
    if left.due_to is None:
        return
    other = book.wallets[left.due_to]
    part = min(other.due, left.due)
    if part:
        _set_due(other, other.due - part)
        _set_due(wallet, wallet.due + part)
        audit.record(actor, DUE_BACK, "points_wallet", wallet.id, amount=part, of=other.id)
