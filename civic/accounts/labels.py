"""Words for the enums of accounts, in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_pgettext as _p

from civic.accounts.models import ConnectionAct, IdentityKind
from civic.core.viewer import Role

ROLE: dict[Role, Any] = {
    Role.clerk: _p("role", "Window clerk"),
    Role.handler: _p("role", "Department handler"),
    Role.social_worker: _p("role", "Social worker"),
    Role.keeper: _p("role", "Market keeper"),
    Role.moderator: _p("role", "Moderator"),
    Role.manager: _p("role", "Community manager"),
    Role.town: _p("role", "Town or street officer"),
    Role.district: _p("role", "District officer"),
    Role.administrator: _p("role", "Administrator"),
    Role.auditor: _p("role", "Auditor"),
}
IDENTITY: dict[IdentityKind, Any] = {
    IdentityKind.password: _p("identity", "Password"),
    IdentityKind.totp: _p("identity", "Code from a phone app"),
    IdentityKind.recovery: _p("identity", "Recovery code"),
    IdentityKind.mail: _p("identity", "Mail address"),
    IdentityKind.phone: _p("identity", "Phone number"),
    IdentityKind.oidc: _p("identity", "Outside sign-in"),
}
ACT: dict[ConnectionAct, Any] = {
    ConnectionAct.sign_in: _p("connection", "Signed in"),
    ConnectionAct.failed_sign_in: _p("connection", "Sign-in failed"),
    ConnectionAct.use: _p("connection", "Came back"),
    ConnectionAct.sign_out: _p("connection", "Signed out"),
    ConnectionAct.token: _p("connection", "Got a token"),
}
LANGUAGE: dict[str, Any] = {
    "": _p("language", "As this device says"),
    "zh": "中文",
    "en": "English",
}
