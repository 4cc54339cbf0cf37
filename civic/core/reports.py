"""A month's report: a frozen snapshot with period, formula version, hash and signer; later changes appear in the next one's corrections."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import audit, clock
from civic.core.appendonly import APPEND_ONLY
from civic.core.atomic import atomic
from civic.core.db import Model, db, intpk, timestamp, upsert
from civic.core.errors import DomainError
from civic.core.registry import Violation
from civic.core.viewer import Actor

TOPIC = "reports"


class Report(Model):
    """What a report said when it was made.  content: sorted JSON of numbers, never names; hash: SHA-256 of kind, period, formula and content."""

    __tablename__ = "report"
    __table_args__ = (sa.UniqueConstraint("kind", "territory_id", "from_on", "revision"), APPEND_ONLY)
    id: Mapped[intpk]
    kind: Mapped[str] = mapped_column(sa.String(40))
    territory_id: Mapped[int] = mapped_column(comment="no foreign key: a report outlives what it counts")
    from_on: Mapped[date]
    to_on: Mapped[date] = mapped_column(comment="last day")
    revision: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    formula: Mapped[str] = mapped_column(sa.String(20), comment="version of the counting")
    content: Mapped[str] = mapped_column(sa.Text)
    hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[timestamp]

    @property
    def values(self) -> dict[str, Any]:
        """The content, read."""
        found: dict[str, Any] = json.loads(self.content)
        return found


class ReportSignature(Model):
    """Who signed a report, and when."""

    __tablename__ = "report_signature"
    __table_args__ = (sa.UniqueConstraint("report_id", "account_id"), APPEND_ONLY)
    id: Mapped[intpk]
    report_id: Mapped[int] = mapped_column(sa.ForeignKey("report.id"))
    account_id: Mapped[int]
    signed_at: Mapped[timestamp]


class SignedAlready(DomainError):
    """Each account signs a report once."""

    code, status = "signed_already", 409
    sentence = _l("You have signed this report already.")


def hash_of(kind: str, from_on: date, to_on: date, formula: str, content: str) -> str:
    """SHA-256 over five lines."""
    return hashlib.sha256(f"{kind}\n{from_on}\n{to_on}\n{formula}\n{content}".encode()).hexdigest()


def freeze(actor: Actor, kind: str, territory_id: int, period: tuple[date, date], formula: str, content: dict[str, Any]) -> Report:
    """Keep a report of a period for good; a second time the one that is there comes back, whatever has changed since.

    period: first and last day.  Another formula makes a further revision beside the earlier one, which stays.
    """
    with atomic() as tx:
        before = newest(kind, territory_id, period[0])
        if before is not None and before.formula == formula:
            tx.result = before
            return before
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        made = Report(
            kind=kind, territory_id=territory_id, from_on=period[0], to_on=period[1], revision=before.revision + 1 if before is not None else 1,
            formula=formula, content=text, hash=hash_of(kind, *period, formula, text),
        )  # fmt: skip
        db.session.add(made)
        db.session.flush()
        audit.record(actor, "report.frozen", "report", made.id, revision=made.revision)
        tx.touch(TOPIC)
        tx.result = made
    return made


def sign(actor: Actor, report_id: int) -> None:
    """An account answers for a report.  Who may is the policies' question.  Raises SignedAlready, ValueError for a job."""
    if actor.account_id is None:
        raise ValueError("a person signs")
    table = ReportSignature.__table__
    with atomic() as tx:
        mine = sa.exists().where(table.c.report_id == report_id, table.c.account_id == actor.account_id)
        if db.session.scalar(sa.select(mine)):  # asked first: on SQLite the table's trigger refuses before ON CONFLICT is looked at
            raise SignedAlready
        values = {"report_id": report_id, "account_id": actor.account_id, "signed_at": clock.now()}
        made = db.session.execute(upsert(table).values(**values).on_conflict_do_nothing().returning(table.c.id)).scalar()
        if made is None:  # another process was faster
            raise SignedAlready
        audit.record(actor, "report.signed", "report", report_id)
        tx.touch(TOPIC)


def newest(kind: str, territory_id: int, from_on: date) -> Report | None:
    """The newest revision of a period's report."""
    query = sa.select(Report).where(Report.kind == kind, Report.territory_id == territory_id, Report.from_on == from_on)
    return db.session.scalars(query.order_by(Report.revision.desc()).limit(1)).first()


def listed(kind: str, territory_id: int) -> Sequence[Report]:
    """The newest revision of each period, the newest period first."""
    later = sa.orm.aliased(Report)
    same = (later.kind == Report.kind, later.territory_id == Report.territory_id, later.from_on == Report.from_on)
    query = sa.select(Report).where(Report.kind == kind, Report.territory_id == territory_id)
    return db.session.scalars(
        query.where(~sa.exists().where(*same, later.revision > Report.revision)).order_by(Report.from_on.desc())
    ).all()


def signatures(report_ids: Iterable[int]) -> dict[int, list[ReportSignature]]:
    """Signatures by report, in the order in which they came."""
    found: dict[int, list[ReportSignature]] = {}
    query = sa.select(ReportSignature).where(ReportSignature.report_id.in_(list(report_ids))).order_by(ReportSignature.id)
    for row in db.session.scalars(query):
        found.setdefault(row.report_id, []).append(row)
    return found


def check() -> Iterator[Violation]:
    """Reports that were changed after they were frozen."""
    table = Report.__table__
    for row in db.session.execute(sa.select(table).order_by(table.c.id).execution_options(yield_per=100)):
        if hash_of(row.kind, row.from_on, row.to_on, row.formula, row.content) != row.hash:
            yield Violation("report", row.id, "was changed after it was frozen")
