"""The poster of an announcement or posting: a sheet A4 to print, and the same as a picture to keep one's finger on and pass on."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, pgettext
from flask_babel import gettext as _

from civic.bulletin import labels, picture, queries, shown
from civic.bulletin.models import Announcement, AnnouncementState, Posting
from civic.bulletin.picture import Sheet
from civic.bulletin.queries import PostingView
from civic.bulletin.views.public import announcement_row, bp, posting_row
from civic.core import fonts
from civic.core.i18n import format_day, lang, plain
from civic.core.web import limits
from civic.core.web.access import public
from civic.core.web.context import site_address
from civic.core.web.pagecache import reading
from civic.territory import queries as places

Facts = list[tuple[Any, str]]


def _published(uid: str) -> Announcement:
    row = announcement_row(uid)
    if row.state is not AnnouncementState.published:
        abort(404)
    return row


def _announcement_facts(row: Announcement) -> Facts:
    return [(pgettext("announcement", "When"), shown.when(row))]


def _posting_facts(row: Posting, view: PostingView) -> Facts:
    run = view.run
    station = next(iter(places.stations(row.territory.code)), None)
    until = format_day(run.until_on) + (pgettext("bulletin", " (provisional)") if run.is_provisional else "") if run else ""
    return [
        (pgettext("posting", "Number"), row.number),
        (_("Put up on"), format_day(run.put_up_on) if run else ""),
        (pgettext("bulletin", "Objections until"), until),
        (_("Where to object"), f"{station.name}, {station.phone}" if station else ""),
        (_("Rule that asks for it"), row.basis),
    ]


def _sheet(row: Announcement | Posting, kind: Any, facts: Facts, address: str, urgent: Any = "") -> Sheet:
    """The words of the picture, in the language of this request."""
    return Sheet(
        kind=str(kind),
        title=plain(row.title),
        body=picture.written_lines(plain(row.body)),
        facts=tuple(f"{word}{pgettext('between', ': ')}{said}" for word, said in facts if said),
        signed=plain(row.organisation.name if row.organisation else row.territory.name),
        address=address,
        read_on=_("Scan the code to read on."),
        hold=_("Scan the code, or keep your finger on it."),
        urgent=str(urgent),
    )


def _announcement_sheet(row: Announcement) -> Sheet:
    urgent = pgettext("announcement", "Urgent") if row.is_urgent else ""
    return _sheet(row, labels.KIND[row.kind], _announcement_facts(row), site_address(url_for("bulletin.announcement", uid=row.uid)), urgent)


def _posting_sheet(row: Posting, facts: Facts) -> Sheet:
    address = site_address(url_for("bulletin.posting", number=row.number))
    return _sheet(row, pgettext("bulletin", "Posting"), facts, address)


def _family() -> fonts.Family | None:
    return fonts.family(current_app.extensions["civic"].settings.pdf_font)


def _picture_href(sheet: Sheet, endpoint: str, **parts: Any) -> str:
    """Its address in this language; '' where this machine has no font that can write it."""
    return url_for(endpoint, language=lang(), **parts) if picture.can_draw(sheet, _family()) else ""


@bp.get("/announcements/<uid>/poster")
@public
def announcement_poster(uid: str) -> str:
    """One sheet A4 for the staircase: big words and a QR."""
    row = _published(uid)
    reading(queries.TOPIC, "territory", "features")
    return render_template(
        "bulletin/poster.html",
        row=row,
        back=url_for(".announcement", uid=uid),
        qr=url_for(".announcement_qr", uid=uid),
        words=shown.words(row.html),
        address=site_address(url_for(".announcement", uid=uid)),
        facts=_announcement_facts(row),
        kind=labels.KIND[row.kind],
        picture_href=_picture_href(_announcement_sheet(row), ".announcement_picture", uid=uid),
        file_name=f"{plain(row.title)[:40]}.png",
    )


@bp.get("/postings/<number>/poster")
@public
def posting_poster(number: str) -> str:
    """The sheet for the real board."""
    row = posting_row(number)
    reading(queries.TOPIC, "territory", "workdays", "features")
    facts = _posting_facts(row, queries.posting_view(row))
    return render_template(
        "bulletin/poster.html",
        row=row,
        back=url_for(".posting", number=number),
        qr=url_for(".posting_qr", number=number),
        words=shown.words(row.html),
        address=site_address(url_for(".posting", number=number)),
        facts=facts,
        kind=pgettext("bulletin", "Posting"),
        picture_href=_picture_href(_posting_sheet(row, facts), ".posting_picture", number=number),
        file_name=f"{number}.png",
    )


@bp.get("/announcements/<uid>/poster.png")
@public
@limits.per_minute(60)
def announcement_picture(uid: str) -> ResponseReturnValue:
    """The poster as a picture.  language: zh or en."""
    row = _published(uid)
    with force_locale(_language()):
        sheet = _announcement_sheet(row)
    return _png(sheet)


@bp.get("/postings/<number>/poster.png")
@public
@limits.per_minute(60)
def posting_picture(number: str) -> ResponseReturnValue:
    """The sheet for the board as a picture.  language: zh or en."""
    row = posting_row(number)
    with force_locale(_language()):
        sheet = _posting_sheet(row, _posting_facts(row, queries.posting_view(row)))
    return _png(sheet)


def _language() -> str:
    asked = request.args.get("language", "")
    return asked if asked in {"zh", "en"} else lang()


def _png(sheet: Sheet) -> ResponseReturnValue:
    """Its tag follows from the words, so that one who has it already costs no drawing.  404 where no font can write it."""
    family = _family()
    if family is None or not picture.can_draw(sheet, family):
        abort(404, _("This picture cannot be drawn here. The poster can be printed."))
    response = Response(mimetype="image/png")
    response.set_etag(sheet.etag)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    if response.status_code == 304:
        return response
    response.set_data(picture.png(sheet, family))
    return response
