"""Announcements and postings with their words ready for pages, cards, feeds and messages."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext
from markupsafe import Markup

from civic.bulletin import labels, marks
from civic.bulletin.models import Announcement, Posting, PostingRun
from civic.bulletin.queries import Line
from civic.bulletin.queries.whole import state_today
from civic.core import clock
from civic.core.db import Bilingual
from civic.core.i18n import format_day, format_moment, lang
from civic.core.richtext import Written
from civic.core.wording import TextState


def words(html: Bilingual) -> Markup:
    """The text of an announcement or posting: safe HTML since it was written, in the reader's language or marked with the other."""
    if not (html.zh or html.en):
        return Markup("")
    spoken = html.language_shown(lang())
    inside = Written(html.in_language(lang()))
    return Markup('<div class="written" lang="%s">%s</div>') % ("zh-CN" if spoken == "zh" else "en", inside)


def language_note(row: Announcement | Posting) -> str:
    """What the reader should know of the language she reads: '' when it is official."""
    mine, other = (row.state_zh, row.state_en) if lang() == "zh" else (row.state_en, row.state_zh)
    if mine is TextState.missing:
        return _("This was published in Chinese first. The English follows.") if lang() == "en" else _("This was published in English first. The Chinese follows.")  # fmt: skip
    if mine is TextState.outdated:
        return _("The other language was changed later; this text may be older.")
    if mine is TextState.volunteer and other is not TextState.missing:
        return _("Translated by a volunteer. The other language is the official text.")
    return ""


def row_of(line: Line) -> dict[str, Any]:
    """A line of a list: where it leads, its tag, what stands below."""
    row = line.row
    if isinstance(row, Posting):
        run = row.runs[-1] if row.runs else None
        state = state_today(row, run, clock.today())
        tag = (marks.POSTING_TAG[state], labels.POSTING[state])
        return {
            "href": url_for("bulletin.posting", number=row.number),
            "title": line.title,
            "lead": line.lead,
            "icon": "list",
            "kind": pgettext("bulletin", "Posting"),
            "tag": tag,
            "meta": [line.place, run_words(run) if run else ""],
            "is_urgent": False,
        }
    over = row.until_at is not None and row.until_at <= clock.now()
    return {
        "href": url_for("bulletin.announcement", uid=row.uid),
        "title": line.title,
        "lead": line.lead,
        "icon": marks.KIND_ICON[row.kind],
        "kind": labels.KIND[row.kind],
        "tag": ("off", pgettext("bulletin", "Over")) if over else ("bad", pgettext("bulletin", "Urgent")) if row.is_urgent else None,
        "meta": [line.place, when(row)],
        "is_urgent": row.is_urgent and not over,
    }


def when(row: Announcement) -> str:
    """From, and until where there is an end."""
    if row.until_at is None:
        return pgettext("bulletin", "since %(day)s", day=format_day(clock.local(row.from_at).date(), year=False))
    start, end = clock.local(row.from_at), clock.local(row.until_at)
    told = f"{end:%H:%M}"
    if start.date() != end.date():
        told = format_day(end.date(), year=start.year != end.year) + ("" if lang() == "zh" else " ") + told
    return pgettext("bulletin", "%(start)s until %(end)s", start=format_moment(row.from_at), end=told)


def run_words(run: PostingRun) -> str:
    """The run in a few words."""
    if run.removed_on is not None:
        return _("taken down on %(day)s", day=format_day(run.removed_on))
    if run.until_on < clock.today():
        return pgettext("bulletin", "hung until %(day)s", day=format_day(run.until_on))
    left = (run.until_on - clock.today()).days
    told = ngettext("%(num)s more day", "%(num)s more days", left) if left else _("today is the last day")
    return pgettext("bulletin", "until %(day)s, %(left)s", day=format_day(run.until_on), left=told)
