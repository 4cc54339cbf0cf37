"""The manifest of `front`."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.core.registry import Link, Module
from civic.core.viewer import Role, Viewer
from civic.front import api
from civic.front.views import desk, features, health, inbox, loading, reading


def _inbox(viewer: Viewer) -> list[Link]:
    """With the number of unread messages: one statement a page, and none for visitors."""
    if not viewer.is_signed_in:
        return []
    count = inbox.unread(viewer)
    label = pgettext("page", "Inbox (%(count)s)", count=count) if count else pgettext("page", "Inbox")
    return [Link(label, url_for("inbox.index"), "mail", _("What was written to you"), position=70)]


def _navigation(viewer: Viewer) -> list[Link]:
    return [
        *_inbox(viewer),
        Link(pgettext("page", "Stations"), url_for("territory.stations"), "counter", position=80),
        Link(pgettext("page", "Working days"), url_for("front.workdays"), "calendar", position=90),
    ]


def _doors(viewer: Viewer) -> list[Link]:
    return [
        *_inbox(viewer),
        Link(pgettext("page", "Stations"), url_for("territory.stations"), "counter", _("Where, when open, phone"), position=80),
        Link(pgettext("page", "Working days"), url_for("front.workdays"), "calendar", _("On which day will it be done?"), position=90),
        Link(pgettext("page", "My community"), url_for("front.places_page"), "pin", _("Choose where you live"), position=95),
    ]


def _desk_actions(viewer: Viewer) -> list[Link]:
    if not viewer.has_role(Role.administrator, Role.manager):
        return []
    hint = _("CSV or XLSX, checked before anything is written")
    load = Link(pgettext("page", "Load lists"), url_for("loading.start"), "upload", hint, position=90)
    if not viewer.has_role(Role.administrator):
        return [load]
    return [
        load,
        Link(_("Features on and off"), url_for("features.show"), "contrast", _("For the site or one village, from a day"), position=95),
    ]


def manifest() -> Module:
    return Module(
        name="front",
        title=_p("module", "Site"),
        blueprints=(reading.bp, desk.bp, features.bp, health.bp, inbox.bp, loading.bp),
        api=(api.bp,),
        navigation=_navigation,
        elder_doors=_doors,
        desk_actions=_desk_actions,
    )
