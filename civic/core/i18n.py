"""Language of the request, and how days, moments and bilingual words read in it.

Selectors survive without a request (jobs, commands): they fall back to the site's language.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import Flask, g, has_request_context
from flask_babel import force_locale
from markupsafe import Markup, escape

from civic.core import clock
from civic.core.db import Bilingual
from civic.core.phrases import House, current, init_phrases
from civic.core.viewer import viewer
from civic.core.web.preferences import preferences

WEEKDAYS_ZH = "一二三四五六日"
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
babel = House()  # type: ignore[no-untyped-call]


def init_i18n(app: Flask, *, locale: str, timezone: str, folder: str) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = folder
    app.config["BABEL_DEFAULT_LOCALE"] = locale
    app.config["BABEL_DEFAULT_TIMEZONE"] = timezone

    def select() -> str:
        if not has_request_context():
            return locale
        if "civic_lang" in g:
            return str(g.civic_lang)
        return preferences().lang

    babel.init_app(app, locale_selector=select, timezone_selector=lambda: timezone)  # type: ignore[no-untyped-call]
    init_phrases(app)


def prefer(lang: str) -> None:
    """The account's own language, unless the reader chose another on this device."""
    g.civic_lang = lang


def lang() -> str:
    """The language of this request or job: zh or en."""
    found = current()
    return "en" if found is not None and found.language == "en" else "zh"


def tr(value: Bilingual | None) -> Markup:
    """Official words in the reader's language; the other one, marked with `lang`, where hers is missing."""
    if value is None:
        return Markup("")
    shown = value.language_shown(lang())
    if shown == lang():
        return escape(value.in_language(shown))
    return Markup('<span lang="{}">{}</span>').format("zh-CN" if shown == "zh" else "en", value.in_language(shown))


def plain(value: Bilingual | None) -> str:
    """The same without markup: for titles, mails and attributes."""
    return value.in_language(lang()) if value else ""


def format_day(day: date, *, year: bool = True) -> str:
    """`2026年3月5日（周四）` or `Thu 5 Mar 2026`."""
    if lang() == "zh":
        return f"{f'{day.year}年' if year else ''}{day.month}月{day.day}日（周{WEEKDAYS_ZH[day.weekday()]}）"
    return f"{WEEKDAYS_EN[day.weekday()]} {day.day} {MONTHS_EN[day.month - 1]}{f' {day.year}' if year else ''}"


def format_moment(moment: datetime) -> str:
    """Local day and hour: `2026年3月5日（周四）14:30`."""
    local = clock.local(moment)
    gap = "" if lang() == "zh" else " "
    return f"{format_day(local.date())}{gap}{local:%H:%M}"


def weekday(number: int) -> str:
    """1 = Monday: 周一 or Mon."""
    return f"周{WEEKDAYS_ZH[number - 1]}" if lang() == "zh" else WEEKDAYS_EN[number - 1]


def speaking(language: str) -> Any:
    """A context in which words come out in the given language (mails, pages rendered by jobs)."""
    return force_locale(language)


def join_words(words: list[str]) -> str:
    """`甲、乙、丙` or `a, b, c`."""
    return ("、" if lang() == "zh" else ", ").join(words)


FILTERS: dict[str, Callable[..., Any]] = {"tr": tr, "plain": plain, "day": format_day, "moment": format_moment, "weekday": weekday}


def account_language() -> None:
    """Let the signed-in account's language win over the device's when no cookie was set."""
    own = viewer().extras.get("lang")
    if own:
        prefer(own)
