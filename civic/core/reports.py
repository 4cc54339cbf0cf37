"""A month's report: a frozen snapshot with period, formula version, hash and signer; later changes appear in the next one's corrections."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Model, intpk, timestamp


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


class ReportSignature(Model):
    """Who signed a report, and when."""

    __tablename__ = "report_signature"
    __table_args__ = (sa.UniqueConstraint("report_id", "account_id"), APPEND_ONLY)
    id: Mapped[intpk]
    report_id: Mapped[int] = mapped_column(sa.ForeignKey("report.id"))
    account_id: Mapped[int]
    signed_at: Mapped[timestamp]
