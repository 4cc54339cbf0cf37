"""Reads of rules and proposals: versions with what they changed, the queue of a desk, one proposal whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import pgettext
from sqlalchemy.orm import joinedload, selectinload

from civic.bulletin.models import Posting, PostingState
from civic.core import clock
from civic.core.db import db
from civic.core.i18n import format_day
from civic.core.registry import Link, the_registry
from civic.core.viewer import Viewer
from civic.people.models import Person
from civic.points import labels, policies, rules, statement
from civic.points.models import (
    COUNTED,
    OWNED,
    Policy,
    PolicyState,
    Programme,
    Proposal,
    ProposalState,
    Reason,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletKind,
)
from civic.points.statement import shown, unmoved
from civic.points.versions import Change, RuleText, differences
from civic.territory.models import Territory

PER_PAGE = 50
MOST_HOURS = 500  # hours that moved nothing, listed between the rows of one page


@dataclass(frozen=True)
class Version:
    """A version of the rules, what it changed, and its posting."""

    row: Policy
    text: RuleText
    changes: list[Change]
    before: Policy | None
    posting: Posting | None

    @property
    def from_on(self) -> date | None:
        return self.row.from_on


def programme_here(path: str) -> Programme | None:
    """The programme of the district that a place lies in; without a place the only or first one."""
    query = sa.select(Programme).join(Programme.territory).options(joinedload(Programme.territory)).order_by(Programme.code)
    if not path:
        return db.session.scalars(query.limit(1)).first()
    return next((row for row in db.session.scalars(query) if path.startswith(row.territory.path)), None)


def programmes_of(viewer: Viewer) -> list[Programme]:
    """Programmes whose versions she may read, drafts included."""
    query = sa.select(Programme).options(joinedload(Programme.territory)).order_by(Programme.code)
    return [row for row in db.session.scalars(query) if policies.can_read_rules(viewer, row.territory.path)]


def districts_without(viewer: Viewer) -> list[Territory]:
    """Districts that she rules and that have no programme yet."""
    paths = [s.territory for s in viewer.scopes if s.role in policies.RULERS and s.is_district_wide]
    taken = sa.select(Programme.territory_id)
    return list(
        db.session.scalars(sa.select(Territory).where(Territory.path.in_(paths), Territory.id.not_in(taken)).order_by(Territory.code))
    )


def versions(programme_id: int, *states: PolicyState) -> list[Version]:
    """Versions of these states (all), the newest first, each beside the adopted one before it; three statements."""
    query = sa.select(Policy).where(Policy.programme_id == programme_id).options(selectinload(Policy.rates)).order_by(Policy.id)
    rows = list(db.session.scalars(query))
    adopted = sorted((row for row in rows if row.state is PolicyState.adopted), key=_day)
    posting_ids = [row.posting_id for row in rows if row.posting_id is not None]
    postings = {
        p.id: p for p in db.session.scalars(sa.select(Posting).options(selectinload(Posting.runs)).where(Posting.id.in_(posting_ids)))
    }
    found = []
    for row in rows:
        if states and row.state not in states:
            continue
        earlier = adopted[: adopted.index(row)] if row in adopted else adopted
        before = earlier[-1] if earlier else None
        text = RuleText.of(row)
        changes = differences(RuleText.of(before) if before else None, text)
        found.append(Version(row, text, changes, before, postings.get(row.posting_id or 0)))
    return sorted(found, key=lambda version: (version.from_on or date.max, version.row.id), reverse=True)


def _day(row: Policy) -> tuple[date, int]:
    return row.from_on or date.min, row.id


def version_of(policy_id: int) -> Version | None:
    """One version."""
    programme_id = db.session.scalar(sa.select(Policy.programme_id).where(Policy.id == policy_id))
    if programme_id is None:
        return None
    return next((version for version in versions(programme_id) if version.row.id == policy_id), None)


@dataclass(frozen=True)
class Rules:
    """What everybody may read of a programme's rules: in force, coming, what was before."""

    programme: Programme
    now: Version | None
    coming: list[Version]  # posted, or adopted for a day to come
    history: list[Version]  # adopted, the one in force included


def public_rules(programme: Programme) -> Rules:
    found = versions(programme.id, PolicyState.posted, PolicyState.adopted)
    counts = rules.in_force(programme.id, clock.today())
    now = next((version for version in found if counts is not None and version.row.id == counts.id), None)
    coming = [v for v in found if v.row.state is PolicyState.posted or (v.from_on is not None and v.from_on > clock.today())]
    history = [v for v in found if v.row.state is PolicyState.adopted and (v.from_on or date.max) <= clock.today()]
    return Rules(programme, now, coming[::-1], history)


@dataclass(frozen=True)
class Step:
    """Where an open version stands: draft, proposed, posted, closed."""

    name: str
    version: Version


def step_of(version: Version) -> str:
    """draft, proposed (waits for a second person), posted, closed (its posting is closed: adopt or withdraw), removed, adopted, withdrawn."""
    row, posting = version.row, version.posting
    if row.state is PolicyState.draft:
        return "proposed" if row.from_on is not None else "draft"
    if row.state is PolicyState.posted and posting is not None:
        return {PostingState.closed: "closed", PostingState.removed: "removed"}.get(posting.state, "posted")
    return row.state.value


def rules_that_wait(viewer: Viewer) -> int:
    """Versions that wait for a second person, or for adoption now that their posting is closed."""
    waits = sa.or_(
        sa.and_(Policy.state == PolicyState.draft, Policy.from_on.is_not(None)),
        sa.and_(Policy.state == PolicyState.posted, Posting.state == PostingState.closed),
    )
    query = (
        sa.select(Territory.path)
        .select_from(Policy)
        .join(Programme, Programme.id == Policy.programme_id)
        .join(Territory, Territory.id == Programme.territory_id)
        .outerjoin(Posting, Posting.id == Policy.posting_id)
        .where(waits)
    )
    return sum(policies.can_rule(viewer, path) for path in db.session.scalars(query))


# ---- proposals --------------------------------------------------------------------------------------------------------------
def proposals(viewer: Viewer, *, waiting: bool) -> sa.Select[Any]:
    """(proposal, wallet) in her reach: what waits, oldest first; or what was decided, newest first."""
    roles = (*policies.DECIDERS, *policies.READERS)
    inside = sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in viewer.territories(*roles)))
    query: Any = (
        sa.select(Proposal, Wallet).join(Wallet, Wallet.id == Proposal.wallet_id).join(Territory, Territory.id == Proposal.territory_id)
    )
    state = Proposal.state == ProposalState.waiting
    query = query.where(inside, state if waiting else sa.not_(state))
    return query.order_by(Proposal.id if waiting else Proposal.id.desc())


def count_of(query: sa.Select[Any]) -> int:
    return int(
        db.session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).with_only_columns(Proposal.id).subquery())) or 0
    )


@dataclass(frozen=True)
class RowSides:
    """A row of the ledger for the page of its reversal: amounts in hundredths, wallets on both sides, what is free where it went."""

    row: Transfer
    debit: Wallet
    credit: Wallet
    free: int | None  # in the credited vintage; none where no counter is kept


def sides_of(transfer_id: int) -> RowSides | None:
    pot, giver = sa.orm.aliased(Vintage), sa.orm.aliased(Vintage)
    debit, credit = sa.orm.aliased(Wallet), sa.orm.aliased(Wallet)
    query = (
        sa.select(Transfer, debit, credit, pot)
        .join(giver, giver.id == Transfer.debit_id)
        .join(pot, pot.id == Transfer.credit_id)
        .join(debit, debit.id == giver.wallet_id)
        .join(credit, credit.id == pot.wallet_id)
        .where(Transfer.id == transfer_id)
    )
    found = db.session.execute(query).one_or_none()
    if found is None:
        return None
    row, payer, payee, vintage = found
    return RowSides(row, payer, payee, vintage.balance - vintage.held if payee.kind in COUNTED else None)


def wallets_of_person(person_id: int, household_id: int | None) -> Sequence[Wallet]:
    """Her wallets (of the rows merged into her too) and her household's, her own first."""
    rows = sa.select(Person.id).where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id))
    whose = sa.or_(Wallet.person_id.in_(rows), sa.and_(Wallet.household_id.is_not(None), Wallet.household_id == household_id))
    query = sa.select(Wallet).where(whose).options(selectinload(Wallet.vintages)).order_by(Wallet.person_id.is_(None), Wallet.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


@dataclass(frozen=True)
class DeskRow:
    """A row of the ledger as the desk of a wallet lists it, or hours that moved nothing in it; amount with its sign, hundredths.

    row: its id, None of hours; other: the wallet on the other side, None where nothing moved.  cause: which hours and of what day, or what
    it was for; href: the page of the cause, where the reader may open it.  notes: how it was computed and by which rules, each with the
    page that it leads to or ''.
    """

    row: int | None
    anchor: str
    at: datetime
    reason: Reason
    amount: int
    other: WalletKind | None
    is_reversed: bool
    is_reversible: bool
    reverses: int | None
    cause: str
    href: str
    notes: list[tuple[str, str]]


def _cause(detail: dict[str, Any], link: Link | None) -> str:
    label = str(link.label) if link else ""
    if "on" not in detail:
        return label
    what = labels.rate_of(str(detail.get("type", "")), str(detail.get("class", "")))
    hours = _("%(what)s, on %(day)s", what=what, day=format_day(date.fromisoformat(detail["on"])))
    return pgettext("cause", "%(title)s: %(hours)s") % {"title": label, "hours": hours} if link and link.href else hours


def rows_of(wallet_id: int, before: int | None = None, limit: int = PER_PAGE) -> tuple[list[DeskRow], int | None]:
    """Rows that moved points of a wallet, newest first, and where the next page begins.

    One statement, one for hours that moved nothing meanwhile, one for the rest of hours' points, and one for all causes of a kind.
    """
    own = sa.select(Vintage.id).where(Vintage.wallet_id == wallet_id)
    counter, debit, credit, back = sa.orm.aliased(Transfer), sa.orm.aliased(Vintage), sa.orm.aliased(Vintage), sa.orm.aliased(Transfer)
    payer, payee = sa.orm.aliased(Wallet), sa.orm.aliased(Wallet)
    moving = Transfer.kind.in_([TransferKind.single, TransferKind.post, TransferKind.reversal])
    older = Transfer.id < before if before is not None else sa.true()
    halves = [
        sa.select(Transfer.id).where(side.in_(own), moving, older).order_by(Transfer.id.desc()).limit(limit + 1).subquery()
        for side in (Transfer.debit_id, Transfer.credit_id)
    ]
    both = sa.union(*(sa.select(half.c.id) for half in halves)).subquery()
    query = (
        sa.select(
            Transfer, payer.id.label("payer_id"), payer.kind.label("payer"), payee.kind.label("payee"), counter.id.label("counter_id"),
            Policy.number, Policy.rounding, Policy.cap, back.at.label("back_at"), back.amount.label("back_amount"),
        )
        .join(both, both.c.id == Transfer.id)
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .join(payer, payer.id == debit.wallet_id)
        .join(payee, payee.id == credit.wallet_id)
        .join(Policy, Policy.id == Transfer.policy_id)
        .outerjoin(counter, counter.reverses_id == Transfer.id)
        .outerjoin(back, back.id == Transfer.reverses_id)
        .order_by(Transfer.id.desc())
        .limit(limit + 1)
    )  # fmt: skip
    found = db.session.execute(query).all()
    taken = found[:limit]
    lines = [_as_line(each, wallet_id) for each in taken]
    wallet = db.session.get_one(Wallet, wallet_id)
    if wallet.kind in OWNED:  # what of hours is owed is told there, not on the page of the pool
        floor = lines[-1].at if len(found) > limit else None
        hours = unmoved.newest(wallet, unmoved.Wish(row=before or 0), MOST_HOURS, floor)
        lines = list(statement.with_rest(_merged(lines, [statement.of_hours(row, wallet.uid) for row in hours])))
    links, by_id = the_registry().links_of(line.source for line in lines), {each.Transfer.id: each for each in taken}
    rows = [_desk_row(by_id.get(line.id), line, links.get(line.source)) for line in lines]
    return rows, taken[-1].Transfer.id if len(found) > limit else None


def _merged(rows: list[statement.Line], hours: list[statement.Line]) -> list[statement.Line]:
    """Hours above the first row that is not younger; rows keep the order of the ledger."""
    found, left = [], hours[::-1]
    for row in rows:
        while left and left[-1].at >= row.at:
            found.append(left.pop())
        found.append(row)
    return [*found, *left[::-1]]


def _as_line(found: Any, wallet_id: int) -> statement.Line:
    """The row as a line of its own, without what other rows of the same act did."""
    row, gives = found.Transfer, found.payer_id == wallet_id
    sign = -1 if gives else 1
    return statement.Line(
        id=row.id, first_id=row.id, at=row.at, kind=row.kind, reason=row.reason, source=row.source, detail=json.loads(row.detail), sign=sign,
        amount=row.amount, effect=sign * row.amount, years=(), channel=row.channel, policy=found.number, rounding=found.rounding,
        cap=found.cap, other=found.payee if gives else found.payer, reversed_at=found.back_at, reversed_amount=found.back_amount or 0,
        earning_id=row.earning_id,
    )  # fmt: skip


def _desk_row(found: Any, line: statement.Line, link: Link | None) -> DeskRow:
    """found: the row and what stands beside it, None of hours."""
    moved = None if found is None else line.other
    return DeskRow(
        row=line.id if found is not None else None, anchor=line.anchor, at=line.at, reason=line.reason, amount=line.effect,
        other=WalletKind.care_pool if line.went.pool and found is None else moved,
        is_reversed=found is not None and found.counter_id is not None,
        is_reversible=found is not None and line.kind is not TransferKind.reversal,
        reverses=found.Transfer.reverses_id if found is not None else None, cause=_cause(line.detail, link),
        href=link.href if link else "", notes=shown.linked(shown.notes_of(line, link, at_desk=True), line.policy),
    )  # fmt: skip


def waiting_for(wallet_id: int) -> Sequence[Proposal]:
    """Proposals about a wallet that nobody has decided."""
    query = sa.select(Proposal).where(Proposal.wallet_id == wallet_id, Proposal.state == ProposalState.waiting).order_by(Proposal.id)
    return db.session.scalars(query).all()
