"""What loading remembers: the last imported row of every key, the runs, and the rows a run still has to write."""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.db import Model, intpk, public_id, timestamp

LONGEST_KEY = 400  # characters; PostgreSQL's index ends at 2,704 bytes


class LoadState(enum.StrEnum):
    """queued: files are kept; preparing: its rows are being listed, nothing written; applying: in the end all of them.

    refused: rows were rejected when it began, nothing written; dropped: it ended before the first row was written.
    """

    queued = "queued"
    preparing = "preparing"
    applying = "applying"
    done = "done"
    refused = "refused"
    dropped = "dropped"


OPEN = (LoadState.queued, LoadState.preparing, LoadState.applying)


class LoadRow(Model):
    """A row as it was imported last; the next load is compared with it, not with what people corrected on the site.

    Kinds with personal values keep `key` and `hash` as keyed hashes and `values_json` encrypted, purpose "load_row".
    """

    __tablename__ = "load_row"
    __table_args__ = (sa.UniqueConstraint("kind", "key"),)
    id: Mapped[intpk]
    kind: Mapped[str] = mapped_column(sa.String(40))
    key: Mapped[str] = mapped_column(sa.String(LONGEST_KEY))
    values: Mapped[str] = mapped_column("values_json", sa.Text, comment="sorted JSON: column → normalised text")
    hash: Mapped[str] = mapped_column(sa.String(80), comment="SHA-256 of values_json, or keyed hash")
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("load_run.id"), index=True)


class LoadRun(Model):
    """One load: who began it, how far it is, what came of it."""

    __tablename__ = "load_run"
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    state: Mapped[LoadState]
    account_id: Mapped[int | None] = mapped_column(comment="who began it; no foreign key, as in the audit")
    job: Mapped[str] = mapped_column(sa.String(40), default="")
    channel: Mapped[str] = mapped_column(sa.String(16))
    request_id: Mapped[str] = mapped_column(sa.String(32), default="")
    created_at: Mapped[timestamp] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    files: Mapped[str] = mapped_column(sa.Text, default="[]", comment="JSON: name and, where the site keeps the file, sha256")
    report: Mapped[str] = mapped_column(sa.Text, default="", comment="JSON as `civic load --json` prints it")
    total: Mapped[int] = mapped_column(default=0, comment="rows to write: added and changed")
    done: Mapped[int] = mapped_column(default=0, comment="rows written")
    finished: Mapped[str] = mapped_column(sa.Text, default="", comment="kinds whose last step ran, joined by commas")
    problem: Mapped[str] = mapped_column(sa.String(400), default="", comment="what stopped it last: kind of error, file, line")

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class LoadRunRow(Model):
    """A row that a run has to write; marked in the transaction that writes it, so a second time is impossible."""

    __tablename__ = "load_run_row"
    __table_args__ = (sa.Index("ix_load_run_row_next", "run_id", "kind", "is_applied", "id"),)
    id: Mapped[intpk]
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("load_run.id"))
    kind: Mapped[str] = mapped_column(sa.String(40))
    key: Mapped[str] = mapped_column(sa.String(LONGEST_KEY))
    values: Mapped[str] = mapped_column("values_json", sa.Text)
    changed: Mapped[str] = mapped_column(sa.Text, comment="columns that differ, joined by commas")
    is_new: Mapped[bool]
    file: Mapped[str] = mapped_column(sa.String(300))
    line: Mapped[int]
    is_applied: Mapped[bool] = mapped_column(default=False)


class LoadMapping(Model):
    """Which column of a spreadsheet means what, matched by hand once and remembered by its header."""

    __tablename__ = "load_mapping"
    id: Mapped[intpk]
    header_hash: Mapped[str] = mapped_column(sa.String(64), unique=True, comment="SHA-256 of the folded titles in their order")
    kind: Mapped[str] = mapped_column(sa.String(40))
    header: Mapped[str] = mapped_column(sa.Text, comment="JSON list of the titles")
    mapping: Mapped[str] = mapped_column(sa.Text, comment="JSON: column of the loader → place in the header")
    account_id: Mapped[int | None] = mapped_column(comment="who matched it; no foreign key, as in the audit")
    created_at: Mapped[timestamp]
