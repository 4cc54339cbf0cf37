"""The database: our own `Model`, column types with meaning, and engines that behave alike on SQLite and PostgreSQL.

SQLite begins its transactions by our hand: Python's driver delays BEGIN, and 8 threads x 5 racing writes lost 35 of 40
under a plain BEGIN and none under BEGIN IMMEDIATE (core/atomic.py asks for it through the option `civic_write`).
"""

from __future__ import annotations

import enum
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry

from civic.core import clock

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, kept in UTC; naive values are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


UNASKED = 1.0  # seconds in the pool after which a connection is asked whether it still lives
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def new_public_id() -> str:
    """128 random bits for addresses: 22 URL-safe letters that tell nothing about order or number."""
    return secrets.token_urlsafe(16)


intpk = Annotated[int, mapped_column(BigId, primary_key=True)]
moment = Annotated[datetime, mapped_column(UtcDateTime())]
timestamp = Annotated[datetime, mapped_column(UtcDateTime(), default=clock.now)]
public_id = Annotated[str, mapped_column(sa.String(22), default=new_public_id)]


def enum_type(kind: type[enum.StrEnum], name: str | None = None) -> sa.Enum:
    """An enum kept by value with a CHECK; name it where a table has two columns of the same kind."""
    values = {"values_callable": lambda members: [m.value for m in members], "native_enum": False, "length": 32, "create_constraint": True}
    return sa.Enum(kind, name=name, **values) if name else sa.Enum(kind, **values)


class Model(DeclarativeBase):
    """Base of all tables.  The map stands on an explicit registry: on the base itself Flask-SQLAlchemy would reject it."""

    __table__: ClassVar[sa.Table]  # every model here is a plain table; SQLAlchemy only promises something to select from

    registry = registry(
        metadata=metadata,
        type_annotation_map={
            enum.StrEnum: enum_type(enum.StrEnum),
            int: BigId,
            datetime: UtcDateTime(),
        },
    )


M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Bilingual:
    """Official words in both languages; an empty one is missing and the other is shown, marked with its language."""

    zh: str
    en: str

    def in_language(self, lang: str) -> str:
        wanted, other = (self.zh, self.en) if lang == "zh" else (self.en, self.zh)
        return wanted or other

    def language_shown(self, lang: str) -> str:
        """The language that `in_language` really gives."""
        own = self.zh if lang == "zh" else self.en
        return lang if own else ("en" if lang == "zh" else "zh")


class Session(FlaskSession):
    """Flask-SQLAlchemy's session, which otherwise ignores `bind`: a test's outer transaction would really be committed.

    writing: the connection of the open `atomic()`, whose transaction the session joins at its first use (core/atomic.py).
    """

    writing: sa.Connection | None = None

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any) -> Any:
        return bind or self.writing or self.bind or super().get_bind(mapper, clause, **kwargs)


db = SQLAlchemy(metadata=metadata, session_options={"class_": Session, "expire_on_commit": False, "autoflush": True})


def init_db(app: Flask, *, url: str) -> None:
    """Bind the database to the application and prepare each new connection."""
    # the values of a statement are people's names, phones and hashes: no error text and no log line repeats them
    options: dict[str, Any] = {"hide_parameters": True}
    if url.startswith("postgresql"):
        options |= {
            "pool_size": 8,
            "max_overflow": 4,
            "connect_args": {"options": "-c timezone=UTC -c lock_timeout=8s"},
        }
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            prepare_engine(engine)


def prepare_engine(engine: sa.Engine) -> None:
    """SQLite: foreign keys, WAL, full durability, our own BEGIN.  PostgreSQL: its errors without the row that they quote."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "handle_error", lambda context: hide_values(context.original_exception, context.sqlalchemy_exception))
        _ping_the_idle(engine)
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=8000", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("civic_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _ping_the_idle(engine: sa.Engine) -> None:
    """Ask a connection that lay idle whether it still lives.

    One that was used a moment ago is taken at its word: asking it at every transaction was a tenth of a gift's time.  What broke within that second is answered with 503, as what breaks during the work.
    """

    @event.listens_for(engine, "checkin")
    def _left(_connection: Any, record: Any) -> None:
        record.info["left"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _asked(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("left", time.monotonic()) < UNASKED:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise sa.exc.DisconnectionError from error  # the pool opens another


def hide_values(original: BaseException | None, wrapped: BaseException | None) -> None:
    """PostgreSQL adds the values to an error (`DETAIL: Failing row contains (…)`), which `hide_parameters` does not reach."""
    detail: str = getattr(getattr(original, "diag", None), "message_detail", None) or ""
    for error in (original, wrapped) if detail else ():
        if error is not None:
            error.args = tuple(part.replace(detail, "hidden") if isinstance(part, str) else part for part in error.args)


def locked(model: type[M], id_: int) -> M:
    """A row by its id, locked for a change and read again.

    `key_share`, because a plain FOR UPDATE clashes with the share locks of foreign keys; an object read before would keep its old values.
    """
    query: sa.Select[Any] = sa.select(model).where(model.__table__.c.id == id_).with_for_update(key_share=True)
    found: M = db.session.scalars(query.execution_options(populate_existing=True)).one()
    return found


def is_sqlite() -> bool:
    return db.session.get_bind().dialect.name == "sqlite"


def upsert(table: Any) -> Any:
    """An INSERT that can say ON CONFLICT: both dialects have it under their own names."""
    return sqlite.insert(table) if is_sqlite() else postgresql.insert(table)
