"""What a person or a household leaves open in points, and what an event does to it: said before it happens (operations/lives.py does it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext

from civic.core.db import db
from civic.core.openwork import Happening, OpenWork, Subject
from civic.people.models import Person
from civic.people.operations.closing import KEPT_AFTER
from civic.people.queries import all_rows_of
from civic.points import amounts
from civic.points.models import Earning, Hold, HoldState, Proposal, ProposalState, Vintage, Wallet, WalletState
from civic.points.operations import lives

MINE = "/points/"
_W, _V = Wallet.__table__, Vintage.__table__


@dataclass(frozen=True)
class Open:
    """What stands in the wallets of one owner; hundredths."""

    ids: tuple[int, ...]
    balance: int
    due: int
    is_frozen: bool
    holds: int
    proposals: int


def open_work(subject: Subject) -> Sequence[OpenWork]:
    if subject.kind == "household":
        return _of_household(subject)
    return _of_person(subject) if subject.kind == "person" else ()


# ---- a person -------------------------------------------------------------------------------------------------------------


def _of_person(subject: Subject) -> list[OpenWork]:
    rows = [subject.id] if subject.happening is Happening.merge else all_rows_of(subject.id)
    found = _open_of(_W.c.person_id.in_(rows))
    if subject.happening is Happening.unmerge:
        return _coming_back(subject.id)
    work = [*_holds(subject.happening, found), *_proposals(subject.happening, found), *_due(subject.happening, found)]
    if found.balance and (follows := _points_of_person(subject, rows, found)):
        work.insert(0, OpenWork(_("Points in the wallet: %(points)s", points=amounts.short(found.balance)), follows, 1, MINE))
    if subject.happening is Happening.merge and subject.other_id is not None:
        work += _objections(subject.id, subject.other_id, found)
    return work


def _points_of_person(subject: Subject, rows: Sequence[int], found: Open) -> Any:
    """A whole sentence; '' where nothing happens to them."""
    happening = subject.happening
    if happening in {Happening.death, Happening.merge} and found.is_frozen:
        return _("The wallet is frozen: the points stay there until the office has decided, and then go the same way as others.")
    if happening is Happening.death:
        if lives.household_left(rows) is not None:
            return _("They go to the wallet of the household, year by year.")
        return _("Nobody else lives in the household, so they go to the care pool.")
    if happening is Happening.close_account:
        if db.session.scalar(sa.select(Person.restricted_at).where(Person.id == subject.id)) is not None:
            return ""  # points that nobody used keep no name, phone and address
        return _(
            "They stay for %(days)s days and can be donated now, or spent at the station. When the data are emptied, they go to the household, or to the care pool where nobody else lives in it.",
            days=KEPT_AFTER.days,
        )
    words = {
        Happening.listing: _("They stay in the wallet."),
        Happening.merge: _("They go to the wallet of the row that stays, year by year."),
        Happening.move_out: _("They stay in the wallet and can be donated from elsewhere too."),
        Happening.joined: _("They stay her own. What the household has stays with the household."),
        Happening.split_off: _("They stay her own. What the household has stays with the household."),
    }
    return words.get(happening, "")


def _holds(happening: Happening, found: Open) -> list[OpenWork]:
    words = {
        Happening.listing: _("Each ends when it is spent or when its time is over."),
        Happening.death: _("They end at once and the points come back; what they were held for ends too."),
        Happening.merge: _("They stay as they are. What they give back goes to the row that stays."),
        Happening.close_account: _("They have to be spent or given back before the data can be emptied."),
    }
    if not found.holds or happening not in words:
        return []
    return [OpenWork(ngettext("%(num)s hold on points", "%(num)s holds on points", found.holds), words[happening], found.holds, MINE)]


def _proposals(happening: Happening, found: Open) -> list[OpenWork]:
    words = {
        Happening.listing: _("A second person decides."),
        Happening.death: _("A closed wallet takes no points, so it is refused or withdrawn."),
        Happening.merge: _("A closed wallet takes no points, so it is refused or withdrawn."),
        Happening.close_account: _("It has to be decided before the data can be emptied."),
    }
    if not found.proposals or happening not in words:
        return []
    title = ngettext(
        "%(num)s proposal about the wallet waits for a decision", "%(num)s proposals about the wallet wait for a decision", found.proposals
    )
    return [OpenWork(title, words[happening], found.proposals)]


def _due(happening: Happening, found: Open) -> list[OpenWork]:
    words = {
        Happening.listing: _("Points that come are taken for it first."),
        Happening.death: _("What her points do not cover is asked from nobody."),
        Happening.merge: _("What its points do not cover the row that stays owes from now on."),
    }
    if not found.due or happening not in words:
        return []
    return [OpenWork(_("Points still to be recovered: %(points)s", points=amounts.short(found.due)), words[happening])]


def _coming_back(loser_id: int) -> list[OpenWork]:
    """What an undoing finds; shown before it."""
    ids = db.session.scalars(sa.select(_W.c.id).where(_W.c.person_id == loser_id, _W.c.state_why == lives.MERGE)).all()
    moved = [line for id_ in ids for line in lives.moved_from(id_)]
    if not moved:
        return []
    free = sa.select(_V.c.wallet_id, sa.func.sum(_V.c.balance - _V.c.held)).group_by(_V.c.wallet_id)
    there = {i: int(n) for i, n in db.session.execute(free.where(_V.c.wallet_id.in_({line.to_wallet for line in moved})))}
    asked = {id_: sum(line.amount for line in moved if line.to_wallet == id_) for id_ in there}
    title = _("Points that the merge moved: %(points)s", points=amounts.short(sum(asked.values())))
    back = sum(min(amount, there[id_]) for id_, amount in asked.items())
    follows = _(
        "%(points)s of them are still there and come back. What was spent meanwhile is asked from nobody.", points=amounts.short(back)
    )
    return [OpenWork(title, follows)]


# ---- what speaks against a merge --------------------------------------------------------------------------------------------


def _objections(loser_id: int, survivor_id: int, loser: Open) -> list[OpenWork]:
    survivor = _open_of(_W.c.person_id.in_(all_rows_of(survivor_id)))
    found = []
    if loser.is_frozen or survivor.is_frozen:
        follows = _("One of the two wallets is frozen because somebody looks into it; merged, its points could not be told from others.")
        found.append(OpenWork(_("A frozen wallet"), follows, objects=True))
    if loser.balance and _is_closed(survivor_id):
        follows = _("The wallet of the row that stays is closed, so the points would go to the care pool.")
        found.append(OpenWork(_("A closed wallet"), follows, objects=True))
    if both := _sources_of_both(loser_id, survivor_id):
        follows = ngettext(
            "For %(num)s service both rows stand in the book: one human would have served, or paid, herself.",
            "For %(num)s services both rows stand in the book: one human would have served, or paid, herself.",
            both,
        )
        found.append(OpenWork(_("The same service in both wallets"), follows, both, objects=True))
    return found


def _is_closed(person_id: int) -> bool:
    return db.session.scalar(sa.select(_W.c.id).where(_W.c.person_id == person_id, _W.c.state == WalletState.closed)) is not None


def _sources_of_both(loser_id: int, survivor_id: int) -> int:
    """How many sources of holds or earnings (`exchange:7`) name both rows: one paid, the other was paid."""

    def sources(rows: Sequence[int]) -> sa.Subquery:
        held = sa.select(Hold.source).join(Wallet, Wallet.id == Hold.wallet_id)
        held = held.where(Wallet.person_id.in_(rows), Hold.state.in_([HoldState.open, HoldState.posted]))
        return sa.union(held, sa.select(Earning.source).where(Earning.person_id.in_(rows))).subquery()

    one, other = sources([loser_id]), sources(all_rows_of(survivor_id))
    return db.session.scalar(sa.select(sa.func.count()).select_from(one.join(other, one.c.source == other.c.source))) or 0


# ---- a household ------------------------------------------------------------------------------------------------------------


def _of_household(subject: Subject) -> list[OpenWork]:
    """Asked of households that end by the event."""
    found = _open_of(_W.c.household_id == subject.id)
    work = []
    if found.balance and (follows := _points_of_household(subject.happening, found)):
        title = _("Points in the household's wallet: %(points)s", points=amounts.short(found.balance))
        work.append(OpenWork(title, follows))
    goes_on = {Happening.joined: _("They stay as they are. What they give back goes to the household that is joined.")}
    words = {Happening.listing: _("Each ends when it is spent or when its time is over."), **goes_on}
    words[Happening.death] = _("They end at once and the points come back; what they were held for ends too.")
    words[Happening.merge] = _("They stay as they are. What they give back goes to the household of the row that stays.")
    if found.holds and subject.happening in words:
        title = ngettext("%(num)s hold on the household's points", "%(num)s holds on the household's points", found.holds)
        work.append(OpenWork(title, words[subject.happening], found.holds))
    return work


def _points_of_household(happening: Happening, found: Open) -> Any:
    if found.is_frozen and happening is not Happening.listing:
        return _("The wallet is frozen: the points stay there until the office has decided, and then go the same way as others.")
    words = {
        Happening.listing: _("They stay in the wallet."),
        Happening.death: _("Nobody is left in the household, so they go to the care pool."),
        Happening.joined: _("They go to the wallet of the household that is joined."),
        Happening.merge: _("They go to the wallet of the household of the row that stays."),
        Happening.close_account: _("When the data are emptied, nobody is left in the household, so they go to the care pool."),
    }
    return words.get(happening, "")


def _open_of(where: sa.ColumnElement[bool]) -> Open:
    """Three statements."""
    sums = sa.select(_V.c.wallet_id, sa.func.sum(_V.c.balance).label("balance")).group_by(_V.c.wallet_id).subquery()
    query = sa.select(_W.c.id, _W.c.state, _W.c.due, sums.c.balance).outerjoin(sums, sums.c.wallet_id == _W.c.id).where(where)
    rows = db.session.execute(query).all()
    ids = tuple(row.id for row in rows)
    if not ids:
        return Open((), 0, 0, False, 0, 0)
    live = [row for row in rows if row.state is not WalletState.closed]
    held = sa.select(sa.func.count()).where(Hold.wallet_id.in_(ids), Hold.state == HoldState.open)
    waiting = sa.select(sa.func.count()).where(Proposal.wallet_id.in_(ids), Proposal.state == ProposalState.waiting)
    return Open(
        ids, sum(int(row.balance or 0) for row in rows), sum(row.due for row in live), any(r.state is WalletState.frozen for r in rows),
        db.session.scalar(held) or 0, db.session.scalar(waiting) or 0,
    )  # fmt: skip
