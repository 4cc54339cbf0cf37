"""The list of staff, one row a right: a login, its role, where and for whom.  A login that is new is made without a password.

She gets her first password on a slip at the desk.  A row that the list leaves out ends nothing; a changed `from` or `to` ends the
right and gives it anew.  Whoever loads gives only what she holds herself, as at the desk; a command may everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.accounts import operations, queries
from civic.accounts.models import Account, Grant, Identity, IdentityKind
from civic.accounts.operations import NewGrant
from civic.accounts.operations.accounts import LOGIN
from civic.accounts.queries import normal_login
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.load import sealed
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row
from civic.core.viewer import Actor, Role, Scope
from civic.people import records
from civic.people.models import ContactKind, Person
from civic.people.operations import NewContact
from civic.people.operations.typed import checked_contact
from civic.territory.models import Organisation, Territory

KIND, PURPOSE = "staff", "identity"
ASKED = 500  # values of one statement
CODE, DAY = ColumnKind.code, ColumnKind.day
ROLES = (
    ("窗口", "clerk"), ("窗口人员", "clerk"), ("部门经办", "handler"), ("社工", "social-worker"), ("社区管理员", "manager"), ("镇街", "town"),
    ("区级", "district"), ("系统管理员", "admin"), ("管理员", "admin"), ("审计员", "auditor"),
)  # fmt: skip
BAD_LOGIN = _l("login: 2 to 40 small letters, digits, dots, hyphens or underscores, beginning with a letter.")
UNKNOWN_PLACE = _l("territory: there is no such territory.")
UNKNOWN_BODY = _l("organisation: there is no such organisation.")
UNKNOWN_MEMBER = _l("member: no living person has this member number.")
NOT_YOURS = _l("territory: you do not hold this territory (or organisation) as an administrator, so you cannot give rights there.")
NOT_YOUR_ACCOUNT = _l("login: this account also holds rights where you hold none, so this list cannot change it.")
IS_CLOSED = _l("login: this account is closed.")
WRONG_ORDER = _l("to: the last day lies before the first (from).")
IS_PAST = _l("to: the last day has passed already.")
TWO_NAMES = _l("name: the same login has another name in %(file)s, line %(line)s.")
BAD_MAIL = _l("mail: this is not a mail address.")
OVERLAPS = _l("This account holds the same right already, given at the desk.")


@dataclass(frozen=True)
class Known:
    """What the rows name, looked up at once."""

    accounts: dict[str, Account]
    places: dict[str, tuple[int, str]]
    bodies: dict[str, int]
    members: dict[str, int]

    def organisation(self, row: Row) -> int | None:
        return self.bodies[row.text("organisation")] if row.text("organisation") else None


def known_of(rows: list[Row]) -> Known:
    def column(name: str) -> set[str]:
        return {row.text(name) for row in rows} - {""}

    logins = {login_of(row) for row in rows}
    accounts = {a.login: a for part in _parts(logins) for a in db.session.scalars(sa.select(Account).where(Account.login.in_(part)))}
    places = {
        code: (id_, path) for id_, code, path in _find((Territory.id, Territory.code, Territory.path), Territory.code, column("territory"))
    }
    bodies = {code: id_ for id_, code in _find((Organisation.id, Organisation.code), Organisation.code, column("organisation"))}
    alive = Person.died_on.is_(None), Person.merged_into_id.is_(None), Person.emptied_at.is_(None)
    members = {number: id_ for id_, number in _find((Person.id, Person.number), Person.number, column("member"), *alive)}
    return Known(accounts, places, bodies, members)


def _find(columns: tuple[Any, ...], where: Any, values: set[str], *more: Any) -> Iterator[Any]:
    for part in _parts(values):
        yield from db.session.execute(sa.select(*columns).where(where.in_(part), *more))


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    return (ordered[at : at + ASKED] for at in range(0, len(ordered), ASKED))


def login_of(row: Row) -> str:
    return normal_login(row.text("login"))


# ---- check ------------------------------------------------------------------------------------------------------------------


def _check(batch: Batch) -> None:
    known = known_of(batch.rows)
    places = _places_held(known.accounts.values()) if batch.scopes is not None else {}
    listed = set(sealed.last_rows(KIND, (STAFF.key_of(row) for row in batch.rows)))
    first: dict[str, Row] = {}
    for row in batch.rows:
        why = _fault(row, known, is_listed=STAFF.key_of(row) in listed) or _reach_fault(row, known, batch.scopes, places)
        named = first.setdefault(login_of(row), row)
        if why is not None:
            batch.reject(row, why)
        elif named.text("name") != row.text("name"):
            batch.reject(row, TWO_NAMES, file=named.file, line=named.line)


def _fault(row: Row, known: Known, *, is_listed: bool) -> Any:
    """Why this row cannot be, or None."""
    account, start, end = known.accounts.get(login_of(row)), row.day("from"), row.day("to")
    faults = (
        (not LOGIN.fullmatch(login_of(row)), BAD_LOGIN),
        (row.text("territory") not in known.places, UNKNOWN_PLACE),
        (bool(row.text("organisation")) and row.text("organisation") not in known.bodies, UNKNOWN_BODY),
        (bool(row.text("member")) and row.text("member") not in known.members, UNKNOWN_MEMBER),
        (account is not None and not account.is_open, IS_CLOSED),
        (start is not None and end is not None and end < start, WRONG_ORDER),
        (end is not None and end < clock.today() and not is_listed, IS_PAST),
        (not _is_mail(row.text("mail")), BAD_MAIL),
    )
    found = next((why for is_so, why in faults if is_so), None)
    if found is None and account is not None and not is_listed and _open_grants(account.id, row, known):
        return OVERLAPS
    return found


def _is_mail(text: str) -> bool:
    try:
        return not text or bool(checked_contact(NewContact(ContactKind.mail, text)))
    except DomainError:
        return False


def _reach_fault(row: Row, known: Known, scopes: tuple[Scope, ...] | None, places: dict[int, list[tuple[str, int | None]]]) -> Any:
    """A grant for a territory that the giver does not hold, or an account that she may not touch."""
    if scopes is None:
        return None
    if not _gives(scopes, known.places[row.text("territory")][1], known.organisation(row)):
        return NOT_YOURS
    account = known.accounts.get(login_of(row))
    if account is not None and not all(_gives(scopes, *place) for place in places.get(account.id, ())):
        return NOT_YOUR_ACCOUNT
    return None


def _gives(scopes: tuple[Scope, ...], path: str, organisation: int | None) -> bool:
    return any(scope.role is Role.administrator and scope.covers(path, organisation) for scope in scopes)


def _places_held(accounts: Iterable[Account]) -> dict[int, list[tuple[str, int | None]]]:
    """Where accounts hold rights now or later."""
    query = sa.select(Grant.account_id, Territory.path, Grant.organisation_id).join(Territory, Territory.id == Grant.territory_id)
    query = query.where(Grant.account_id.in_([a.id for a in accounts]), Grant.ended_at.is_(None))
    found: dict[int, list[tuple[str, int | None]]] = {}
    for account_id, path, organisation in db.session.execute(query):
        found.setdefault(account_id, []).append((path, organisation))
    return found


# ---- apply ------------------------------------------------------------------------------------------------------------------


def _apply(actor: Actor, changes: list[Change]) -> None:
    with atomic():
        known = known_of([change.row for change in changes])
        for change in changes:
            account = known.accounts.get(login_of(change.row))
            if account is None:
                account = known.accounts[login_of(change.row)] = _new_account(actor, change.row)
            _write_account(actor, account, change, known)
            if change.is_new or change.changed & {"from", "to"}:
                _write_grant(actor, account.id, change, known)


def _new_account(actor: Actor, row: Row) -> Account:
    """A login without a password: nobody can sign in with it before the desk prints one."""
    account = Account(login=login_of(row), name=row.text("name"), must_change_password=True)
    db.session.add(account)
    db.session.flush()
    audit.record(actor, "accounts.account.create", "account", account.id)
    return account


def _write_account(actor: Actor, account: Account, change: Change, known: Known) -> None:
    row, changed = change.row, change.changed
    if "name" in changed and row.text("name") != account.name and not change.is_new:
        account.name = row.text("name")
        audit.record(actor, "accounts.account.rename", "account", account.id)
    if "member" in changed and row.text("member") and account.person_id is None:
        account.person_id = known.members[row.text("member")]
        audit.record(actor, "accounts.account.person", "account", account.id, person=account.person_id)
    if "mail" in changed and row.text("mail"):
        _write_mail(actor, account.id, records.normal_mail(row.text("mail")))


def _write_mail(actor: Actor, account_id: int, mail: str) -> None:
    """An address that the list gives; it counts as unconfirmed (`confirmed_at` empty) until she reads a link sent there."""
    value = f"{IdentityKind.mail.value}|{mail}"
    query = sa.select(Identity.id).where(Identity.account_id == account_id, Identity.hash.in_(crypto.keyed_hashes(value, PURPOSE)))
    if db.session.scalar(query.limit(1)) is None:
        hashed = crypto.keyed_hash(value, PURPOSE)
        db.session.add(Identity(account_id=account_id, kind=IdentityKind.mail, secret=crypto.encrypt(mail, PURPOSE), hash=hashed))
        audit.record(actor, "accounts.identity.add", "account", account_id)


def _write_grant(actor: Actor, account_id: int, change: Change, known: Known) -> None:
    """Other days are another right: the old one ends, so that what somebody could do when stays on record."""
    row = change.row
    for grant in _open_grants(account_id, row, known):
        operations.end_grant(actor, grant.id)
    start, end = row.day("from") or clock.today(), row.day("to")
    if end is None or end >= clock.today():
        place_id, _path = known.places[row.text("territory")]
        operations.give_grant(actor, account_id, NewGrant(Role(row.text("role")), place_id, known.organisation(row), start, end))


def _open_grants(account_id: int, row: Row, known: Known) -> list[Grant]:
    """Grants of this role, place and organisation that still count or will."""
    query = sa.select(Grant).where(
        Grant.account_id == account_id,
        Grant.role == Role(row.text("role")),
        Grant.territory_id == known.places[row.text("territory")][0],
        Grant.organisation_id == known.organisation(row),
        Grant.ended_at.is_(None),
    )
    today = clock.today()
    return [grant for grant in db.session.scalars(query) if not grant.is_over(today)]


def _reach(account_id: int, on: date) -> tuple[Scope, ...]:
    return queries.scopes_of(account_id, on)


STAFF = Loader(
    kind=KIND,
    title=_l("Staff and their rights"),
    columns=(
        Column("login", CODE, required=True, most=40, titles=("登录名", "账号", "用户名")),
        Column("name", required=True, most=100, titles=("姓名", "名字")),
        Column("role", required=True, choices=tuple(role.value for role in Role), words=ROLES, titles=("角色", "岗位")),
        Column("territory", CODE, required=True, most=24, titles=("区域编码", "辖区编码", "辖区", "社区编码")),
        Column("organisation", CODE, optional=True, most=40, titles=("单位编码", "部门编码", "单位", "部门")),
        Column("from", DAY, optional=True, titles=("开始日期", "起始日期", "生效日期")),
        Column("to", DAY, optional=True, titles=("结束日期", "截止日期")),
        Column("member", CODE, optional=True, most=12, titles=("居民卡号", "居民号")),
        Column("mail", optional=True, most=254, titles=("邮箱", "电子邮箱")),
    ),
    key=("login", "role", "territory", "organisation"),
    order=70,
    check=_check,
    apply=_apply,
    personal=True,
    reach=_reach,
)
