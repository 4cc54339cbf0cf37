"""`civic user`: make, list and end accounts from the command line of the server."""

from __future__ import annotations

import json
import sys

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from civic.accounts import operations, queries
from civic.accounts.errors import NoSuchLogin, NoSuchOrganisation, NoSuchPlace
from civic.accounts.models import Account, Grant
from civic.accounts.operations import NewGrant
from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import speaking
from civic.core.viewer import Actor, Channel, Role
from civic.territory.models import Organisation, Territory

group = AppGroup("user", help="Logins and their rights.")
COMMAND = Actor(None, job="command", channel=Channel.command)


def refused(refusal: DomainError) -> click.ClickException:
    """One clear line in English and exit code 1."""
    with speaking("en"):
        return click.ClickException(refusal.message)


@group.command("create")
@click.argument("login")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What the account may do.")
@click.option("--territory", required=True, metavar="CODE", help="Where: code of a district, town, community or village.")
@click.option("--organisation", default="", metavar="CODE", help="For whom it speaks, for example the handler's department.")
@click.option("--name", default="", help="Name that colleagues see; the login when left out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
def create(login: str, role: str, territory: str, organisation: str, name: str, password_stdin: bool) -> None:
    """Make an account with one grant."""
    try:
        wanted = NewGrant(Role(role), _territory_id(territory), _organisation_id(organisation), clock.today())
        password = (
            sys.stdin.readline().rstrip("\r\n") if password_stdin else click.prompt("Password", hide_input=True, confirmation_prompt=True)
        )
        account = operations.create_account(COMMAND, login, name, password, must_change=False, grants=[wanted])
    except DomainError as refusal:
        raise refused(refusal) from None
    click.echo(f"Made {account.login}: {role} in {territory}{f' for {organisation}' if organisation else ''}.")


def _territory_id(code: str) -> int:
    found = db.session.scalar(sa.select(Territory.id).where(Territory.code == code))
    if found is None:
        raise NoSuchPlace(code=code)
    return found


def _organisation_id(code: str) -> int | None:
    found = db.session.scalar(sa.select(Organisation.id).where(Organisation.code == code)) if code else None
    if code and found is None:
        raise NoSuchOrganisation(code=code)
    return found


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_users(as_json: bool) -> None:
    """List open accounts with the rights that count today."""
    rows = []
    for account in db.session.scalars(sa.select(Account).where(Account.closed_at.is_(None)).order_by(Account.login)):
        grants = [_grant_words(grant) for grant in queries.grants_of(account.id) if grant.is_valid(clock.today())]
        rows.append({"login": account.login, "name": account.name, "grants": grants})
    if as_json:
        click.echo(json.dumps({"users": rows}, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['login']}\t{row['name']}\t{'; '.join(row['grants']) or '-'}")


def _grant_words(grant: Grant) -> str:
    return f"{grant.role.value} {grant.territory.code}" + (f" {grant.organisation.code}" if grant.organisation else "")


@group.command("end")
@click.argument("login")
def end(login: str) -> None:
    """Close an account: its sessions, tokens and grants end."""
    try:
        account = queries.account_by_login(login)
        if account is None:
            raise NoSuchLogin(login=login)
        operations.close_account(COMMAND, account.id)
    except DomainError as refusal:
        raise refused(refusal) from None
    click.echo(f"Closed {queries.normal_login(login)}.")
