"""Home, search, my community, working days, and the statements that a public site owes."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_from_directory, url_for
from flask_babel import gettext as _
from flask_babel import pgettext

from civic import paths
from civic.catalogue import queries as catalogue
from civic.core import clock, decrees, misses, search, spans
from civic.core.i18n import format_day, lang
from civic.core.registry import Hit, Link, SearchSource, the_registry
from civic.core.viewer import viewer
from civic.core.web import limits
from civic.core.web.access import place_path, public
from civic.core.web.pagecache import reading
from civic.core.web.preferences import preferences
from civic.core.workdays import MOST_DAYS, Reason, Unit
from civic.territory import queries as places

bp = Blueprint("front", __name__)
SHARED = ("catalogue", "territory", "features", "workdays")


def _fresh_until() -> Any:
    """A page that shows the chosen station is true until it opens or closes."""
    chosen = preferences().place
    return places.next_change(places.stations(chosen)) if chosen else None


@bp.get("/")
@public
def home() -> str:
    reading(*SHARED, fresh_until=_fresh_until())
    cards = the_registry().ask("home_cards", viewer(), place_path())
    page = "front/elder.html" if "elder" in preferences().mode else "front/home.html"
    return render_template(page, cards=cards, hot=catalogue.hot_words(), canonical=None)


@bp.get("/search")
@public
@limits.per_minute(240)
def find() -> str:
    """Search over everything: pages of this site, then each module's results."""
    asked = request.args.get("q", "").strip()[:100]
    sources: list[SearchSource] = the_registry().all_of("search_sources", only_active=True, place_path=place_path())
    pages = _own_pages(asked) if asked else []
    found = search.find(asked, sources=[s.name for s in sources], territory=place_path()) if asked else []
    hits: list[Hit] = []
    shown = {source.name: source.show([f for f in found if f.source == source.name]) for source in sources}
    hits = [shown[f.source][f.result] for f in found if f.result in shown.get(f.source, {})]
    if asked and not hits and not pages:
        misses.count_miss(asked, lang())
    else:
        reading(*SHARED, args=("q",))
    return render_template("front/search.html", asked=asked, hits=hits[:50], total=len(hits), pages=pages, hot=catalogue.hot_words())


def _own_pages(asked: str) -> list[Link]:
    """Pages and switches of the site itself; 长辈版 is found by its other names too."""
    words = search.normal(asked)
    known = [
        (
            pgettext("mode", "Large text"),
            switch_home("elder"),
            "elder",
            "长辈版 关怀版 适老 老人模式 大字 大字版 large text big letters elder mode senior",
        ),
        (pgettext("mode", "High contrast"), switch_home("contrast"), "contrast", "高对比 高对比度 对比 看不清 high contrast"),
        (_("Count working days"), url_for("front.workdays"), "calendar", "工作日 节假日 放假 调休 几个工作日 working days holidays"),
        (_("All communities and villages"), url_for("front.places_page"), "pin", "社区 村 我的社区 换社区 community village"),
        (
            pgettext("page", "All stations"),
            url_for("territory.stations"),
            "counter",
            "服务站 窗口 开门 几点开门 电话 地址 station opening hours phone",
        ),
        (pgettext("page", "Accessibility statement"), url_for("front.accessibility"), "person", "无障碍 读屏 盲人 accessibility"),
        (pgettext("page", "Privacy"), url_for("front.privacy"), "lock", "隐私 个人信息 privacy personal data"),
        (_("Open data and API"), "/api/v1/docs", "down-file", "接口 开放数据 数据 api open data"),
    ]
    return [
        Link(label, href, icon)
        for label, href, icon, terms in known
        if len(words) > 1 and (words in terms or words in search.normal(str(label)))
    ]


def switch_home(mode: str) -> str:
    return url_for("front.home") + f"?mode={mode}"


@bp.get("/places")
@public
def places_page() -> str:
    reading("territory", "features")
    return render_template("front/places.html", towns=places.communities(), here=url_for("front.home"))


@bp.get("/workdays")
@public
def workdays() -> str:
    """Which day is n working (or calendar) days from a day, and why."""
    reading("workdays", "territory", args=("from", "days", "unit"))
    asked, faults = _asked_days()
    result = spans.deadline(asked["days"], asked["unit"], asked["start"]) if not faults else None
    years = sorted(decrees.calendar().published_years)
    return render_template(
        "front/workdays.html",
        asked=asked,
        faults=faults,
        result=result,
        years=years,
        units=Unit,
        most=MOST_DAYS,
        reasons=Reason,
        skipped=_skipped(result),
        format_day=format_day,
    )


def _asked_days() -> tuple[dict[str, Any], dict[str, str]]:
    faults: dict[str, str] = {}
    text, number, unit = request.args.get("from", ""), request.args.get("days", ""), request.args.get("unit", "")
    start = clock.today()
    if text:
        try:
            start = date.fromisoformat(text)
            if not 2000 <= start.year <= 2099:
                raise ValueError(text)
        except ValueError:
            faults["from"] = _("“%(text)s” is not a day between 2000 and 2099. Write it as 2026-09-30.", text=text[:30])
    days = 5
    if number:
        wide = search.normal(number).strip()
        if wide.isdecimal() and int(wide) <= MOST_DAYS:
            days = int(wide)
        else:
            faults["days"] = _("“%(text)s” is not a whole number from 0 to %(most)s.", text=number[:30], most=MOST_DAYS)
    return {
        "start": start,
        "from": text or start.isoformat(),
        "days": days,
        "days_text": number or str(days),
        "unit": Unit(unit) if unit in set(Unit) else Unit.working_day,
    }, faults


def _skipped(result: spans.Deadline | None) -> list[tuple[str, str]]:
    """Each day that did not count, with the reason, in words; weekends of long spans are told together by the strip's absence."""
    return [(format_day(d.day), spans.reason_words(d)) for d in result.span.skipped][:80] if result else []


@bp.get("/workdays.csv")
@public
def decrees_csv() -> Response:
    """The loaded decrees, in the columns that `verify/due_date.py` and `civic load` read."""
    lines = ["day,kind,name_zh,name_en,document"]
    lines += [f'{d.day},{d.kind},"{d.name_zh}","{d.name_en}","{d.document}"' for d in decrees.rows()]
    return Response("\n".join(lines) + "\n", mimetype="text/csv")


@bp.get("/verify/<name>")
@public
def verify(name: str) -> Response:
    """The check scripts that need nothing of ours, as they are."""
    if name not in {"closes.py", "due_date.py"}:
        abort(404)
    return send_from_directory(paths.VERIFY, name, mimetype="text/x-python", max_age=3600)


@bp.get("/about")
@public
def about() -> str:
    reading("features")
    return render_template("front/about.html")


@bp.get("/privacy")
@public
def privacy() -> str:
    reading("features")
    return render_template("front/privacy.html")


@bp.get("/accessibility")
@public
def accessibility() -> str:
    reading("features")
    return render_template("front/accessibility.html")
