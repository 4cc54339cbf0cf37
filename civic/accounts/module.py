"""The manifest of `accounts`."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from civic.accounts import api, cli, models, operations, policies, queries, seeds, session
from civic.accounts.views import account, connections, desk, sign_in
from civic.accounts.views.sign_in import ask_sign_in
from civic.core.registry import Job, Link, Module, Queue, Seed
from civic.core.viewer import Role, Viewer

__all__ = ["ask_sign_in", "manifest"]
_PAGES = (models, account)  # imported for their tables and routes


def _desk_actions(viewer: Viewer) -> Sequence[Link]:
    found = []
    if policies.can_list(viewer):
        hint = _("Who has a login, and what each may do")
        found.append(Link(_("Accounts and rights"), url_for("accounts_desk.index"), "people", hint, position=800))
    if policies.can_use_log(viewer):
        found.append(
            Link(
                pgettext("page", "Connection log"),
                url_for("connections.index"),
                "shield",
                _("Opened by two people, with a document number"),
                position=810,
            )
        )
    return found


def _desk_queues(viewer: Viewer) -> Sequence[Queue]:
    if not policies.can_use_log(viewer):
        return ()
    waiting = queries.waiting_openings(viewer)
    if not waiting:
        return ()
    return (
        Queue(
            _("Connection log: to be released"), url_for("connections.index"), waiting, hint=_("A colleague asked to read it"), position=810
        ),
    )


def manifest() -> Module:
    return Module(
        name="accounts",
        title=_l("Accounts and rights"),
        blueprints=(sign_in.bp, desk.bp, connections.bp),
        api=(api.bp,),
        cli=(cli.group,),
        roles=(Role.administrator, Role.auditor),
        desk_actions=_desk_actions,
        desk_queues=_desk_queues,
        retention=(
            Job("forget-connections", operations.forget_old_connections, at="03:40"),
            Job("forget-sessions", operations.forget_old_sessions, at="03:45"),
        ),
        seeds=(Seed("logins", seeds.make_demo_logins, 10),),
        start=(session.init_session,),
    )
