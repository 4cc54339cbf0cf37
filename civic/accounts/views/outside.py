"""An outside sign-in: away, and back with a proof that signs in, links to the account one is in, or begins a registration."""

from __future__ import annotations

from dataclasses import asdict

from flask import abort, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.accounts import oidc, operations, queries
from civic.accounts.models import IdentityKind, TicketKind
from civic.accounts.own_errors import OidcFailed
from civic.accounts.views.contacts import must_confirm
from civic.accounts.views.proofs import enter_with
from civic.accounts.views.register import over
from civic.accounts.views.sign_in import bp, has_outside
from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import actor, viewer
from civic.core.web.access import public
from civic.core.web.context import site_address
from civic.core.web.limits import per_minute

KEPT, LASTS = "outside", 600  # seconds


def _back() -> str:
    """Our own address to return to, as it is registered with the issuer."""
    own = site_address(url_for(".outside_back"))
    return own if "://" in own else url_for(".outside_back", _external=True)


@bp.get("/outside")
@public
@per_minute(20)
def outside() -> ResponseReturnValue:
    if not has_outside():
        abort(404)
    me = viewer().account_id
    if me is not None and (first := must_confirm()) is not None:
        return first
    try:
        url, begun = oidc.begin(_back())
    except OidcFailed as refusal:
        return over(refusal)
    session[KEPT] = {**asdict(begun), "account": me, "until": int(clock.now().timestamp()) + LASTS}
    return redirect(url, 303)


@bp.get("/outside/back")
@public
@per_minute(20)
def outside_back() -> ResponseReturnValue:
    if not has_outside():
        abort(404)
    kept = session.pop(KEPT, None)
    try:
        if not isinstance(kept, dict) or kept["until"] < clock.now().timestamp() or kept["account"] != viewer().account_id:
            raise OidcFailed
        begun = oidc.Begun(kept["state"], kept["nonce"], kept["verifier"])
        found = oidc.finish(_back(), begun, request.args.get("state", ""), request.args.get("code", ""))
    except OidcFailed as refusal:
        return over(refusal)
    return _linked(found) if viewer().is_signed_in else _came(found)


def _linked(found: oidc.Outside) -> ResponseReturnValue:
    try:
        operations.link_oidc(actor(), actor().account_id or 0, found.subject)
    except DomainError as refusal:
        flash(refusal.message, "warn")
    else:
        flash(_("You can now sign in from outside too."))
    return redirect(url_for(".contacts"), 303)


def _came(found: oidc.Outside) -> ResponseReturnValue:
    proven = [(IdentityKind.oidc.value, found.subject)]
    if queries.count_with(IdentityKind.oidc, found.subject):
        return enter_with(operations.carry_on(TicketKind.sign_in_phone, proven))
    if found.mail:
        proven.append((IdentityKind.mail.value, found.mail))
    return redirect(url_for(".register_with", token=operations.carry_on(TicketKind.register_mail, proven)), 303)
