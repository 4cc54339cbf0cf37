"""The manifest of `accounts`."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from civic.accounts import api, api_mine, cli, models, operations, personal, policies, queries, seeds, session
from civic.accounts.loaders import STAFF
from civic.accounts.views import (
    account,
    colleagues,
    connections,
    contacts,
    desk,
    desk_leaving,
    mine,
    outside,
    proofs,
    register,
    sign_in,
    slips,
)
from civic.accounts.views.sign_in import ask_sign_in
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Topic
from civic.core.registry import Job, Link, Module, Queue, Seed
from civic.core.viewer import Role, Viewer
from civic.people import queries as people

__all__ = ["ask_sign_in", "manifest"]
_PAGES = (models, account, contacts, desk_leaving, mine, outside, proofs, register)  # imported for their tables and routes


def _desk_actions(viewer: Viewer) -> Sequence[Link]:
    found = []
    if policies.can_list(viewer):
        hint = _("Who has a login, and what each may do")
        found.append(Link(_("Accounts and rights"), url_for("accounts_desk.index"), "people", hint, position=800))
    if viewer.has_role(Role.manager):
        hint = _("What a colleague has open, and handing it over")
        found.append(Link(pgettext("page", "Colleagues"), url_for("colleagues.index"), "hand", hint, position=790))
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


def _person_actions(viewer: Viewer, person_id: int) -> Sequence[Link]:
    """On the desk's page of the person beside the clerk."""
    uid, path = people.uid_and_path(person_id)
    if not policies.can_print_slip(viewer, path):
        return ()
    href = url_for("account_slips.new", person=uid)
    return (
        Link(
            _("Print a slip for an account"),
            href,
            "key",
            _("Opens an account, or sets a new password, without mail and phone"),
            position=300,
        ),
    )


def manifest() -> Module:
    return Module(
        name="accounts",
        title=_l("Accounts and rights"),
        blueprints=(sign_in.bp, desk.bp, colleagues.bp, slips.bp, connections.bp),
        api=(api.bp, api_mine.bp),
        cli=(cli.group,),
        loaders=(STAFF,),
        roles=(Role.administrator, Role.auditor, Role.manager),
        desk_actions=_desk_actions,
        desk_queues=_desk_queues,
        retention=(
            Job("forget-connections", operations.forget_old_connections, at="03:40"),
            Job("forget-sessions", operations.forget_old_sessions, at="03:45"),
            Job("forget-tickets", operations.forget_tickets, at="03:50"),
        ),
        sealed=personal.SEALED,
        receivers={"account": personal.contacts},
        message_topics=(
            Topic(operations.TOPIC, _l("Links and codes for your account"), default=(), is_fixed=True, keeps_inbox=False),
            Topic(
                operations.SECURITY,
                _l("Changes to your account"),
                default=(MessageChannel.mail, MessageChannel.text),
                is_fixed=True,
            ),
        ),
        personal_data=personal.personal_data,
        person_actions=_person_actions,
        seeds=(Seed("logins", seeds.make_demo_logins, 10),),
        start=(session.init_session,),
    )
