"""JSON resources of accounts: tokens."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response

from civic.accounts import operations, queries, session
from civic.accounts.errors import CodeNeeded, NewPasswordNeeded, SecondStepNeeded
from civic.accounts.models import ConnectionAct
from civic.core import clock
from civic.core.errors import DomainError, TooManyTries
from civic.core.viewer import actor, viewer
from civic.core.web.access import public, signed_in
from civic.core.web.api import ApiBlueprint
from civic.core.web.errors import problem
from civic.core.web.limits import per_minute

bp = ApiBlueprint("accounts_api", __name__, description="Tokens for programs")


class TokenWantedSchema(ma.Schema):
    """What a program sends to get a token.  otp: six digits or a recovery code, where the account has two steps."""

    login = ma.fields.String(required=True, validate=ma.validate.Length(1, 100))
    password = ma.fields.String(required=True, validate=ma.validate.Length(1, 1000))
    otp = ma.fields.String(validate=ma.validate.Length(1, 40))


class TokenSchema(ma.Schema):
    """A bearer token, shown this once, and when it ends."""

    token = ma.fields.String(required=True)
    expires_at = ma.fields.AwareDateTime(required=True)


@bp.route("/tokens", methods=["POST"])
@public
@per_minute(20)
@bp.arguments(TokenWantedSchema)
@bp.response(201, TokenSchema)
@bp.alt_response(401, description="Login, password or otp do not fit")
@bp.alt_response(429, description="Too many wrong tries; Retry-After says when to go on")
def create_token(wanted: dict[str, Any]) -> Any:
    """Get a bearer token for login and password."""
    try:
        token, expires_at = _token(wanted)
    except TooManyTries as refusal:
        response = problem(refusal.status, refusal.code, refusal.message, refusal.context)
        response.headers["Retry-After"] = str(refusal.context["minutes"] * 60)
        return response
    return {"token": token, "expires_at": clock.local(expires_at)}


def _token(wanted: dict[str, Any]) -> tuple[str, Any]:
    try:
        account_id = operations.prove_password(wanted["login"], wanted["password"], session.address()).id
        two_step = _prove_second(account_id, wanted.get("otp", ""))
    except (TooManyTries, CodeNeeded, NewPasswordNeeded, SecondStepNeeded):
        raise
    except DomainError:
        tried = queries.account_by_login(wanted["login"])
        session.record(tried.id if tried else None, ConnectionAct.failed_sign_in)
        raise
    row, token = operations.begin_token(session.acting_as(account_id), account_id, label="API", two_step=two_step)
    expires_at = row.expires_at
    session.record(account_id, ConnectionAct.token)
    return token, expires_at


def _prove_second(account_id: int, otp: str) -> bool:
    """Was the second step shown?  Raises NewPasswordNeeded, SecondStepNeeded, CodeNeeded, or what the code itself raises."""
    needs = queries.sign_in_needs(account_id)
    if needs is None or needs.new_password:
        raise NewPasswordNeeded
    if needs.must_enrol:
        raise SecondStepNeeded
    if needs.has_app:
        if not otp:
            raise CodeNeeded
        operations.prove_second_step(session.acting_as(account_id), account_id, otp)
    return needs.has_app


@bp.route("/tokens/current", methods=["DELETE"])
@signed_in
@bp.response(204)
@bp.doc(security=[{"token": []}])
def end_token() -> Response | None:
    """End the token that this request carries."""
    who, token = viewer(), queries.token_of(session.bearer())
    if who.account_id is not None and token is not None:
        operations.end_token(actor(), who.account_id, token.row_id)
        session.record(who.account_id, ConnectionAct.sign_out)
    return None
