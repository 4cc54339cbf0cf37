"""Looking through offers and needs by kind, category, place, language and words: the public list, and the desk's for the person beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.exchange import labels, queries
from civic.exchange.models import Category, ListingKind, Place
from civic.exchange.queries import Wanted

ARGS = ("kind", "category", "place_kind", "speaks", "written", "q", "page")
PER_PAGE = 20
#: languages in which a listing is written, each by its own name; `lang` in the address switches the page's own language
WRITTEN = {"zh": "中文", "en": "English"}
KINDS: dict[ListingKind, Any] = {ListingKind.offer: _p("listings", "Offers"), ListingKind.need: _p("listings", "Needs")}


def _one_of(kind: Any, value: str) -> Any:
    return kind(value) if value in set(kind) else None


@dataclass(frozen=True)
class Looking:
    """What was asked in the address, and the address of the list."""

    base: str
    wanted: Wanted
    page: int

    @classmethod
    def at(cls, base: str, path: str, answering: int | None = None) -> Looking:
        """path: of a territory.  answering: only what this person could answer."""
        args = {name: request.args.get(name, "").strip()[:80] for name in ARGS}
        page = int(args["page"]) if args["page"].isdecimal() and len(args["page"]) < 6 else 1
        wanted = Wanted(
            path=path, kind=_one_of(ListingKind, args["kind"]), category=_one_of(Category, args["category"]),
            place=_one_of(Place, args["place_kind"]), speaks=args["speaks"] if args["speaks"] in labels.SPEAKS else "",
            lang=args["written"] if args["written"] in WRITTEN else "", words=args["q"], answering=answering,
        )  # fmt: skip
        return cls(base, wanted, max(1, page))

    def found(self) -> queries.Page:
        return queries.listings(self.wanted, offset=(self.page - 1) * PER_PAGE, limit=PER_PAGE)

    def link(self, page: int = 1, **changes: str) -> str:
        wanted = self.wanted
        now = {
            "kind": wanted.kind or "", "category": wanted.category or "", "place_kind": wanted.place or "", "speaks": wanted.speaks,
            "written": wanted.lang, "q": wanted.words, "page": str(page) if page > 1 else "", **changes,
        }  # fmt: skip
        kept = {name: str(value) for name, value in now.items() if value}
        return self.base + (f"?{urlencode(kept)}" if kept else "")

    @property
    def kinds(self) -> list[dict[str, Any]]:
        """Both, offers, needs."""
        entries = [("", pgettext("listing", "All")), *((kind.value, label) for kind, label in KINDS.items())]
        now = self.wanted.kind or ""
        return [{"label": label, "href": self.link(kind=kind), "is_current": now == kind, "count": None} for kind, label in entries]

    @property
    def languages(self) -> dict[str, str]:
        """What the form offers under "written in"."""
        return WRITTEN

    @property
    def is_narrowed(self) -> bool:
        wanted = self.wanted
        return any([wanted.kind, wanted.category, wanted.place, wanted.speaks, wanted.lang, wanted.words])

    def pages(self, total: int) -> dict[str, str]:
        if total <= PER_PAGE:
            return {}
        page, last = self.page, min(total, self.page * PER_PAGE)
        return {
            "told": _("Entries %(first)s to %(last)s of %(total)s.", first=min(total, (page - 1) * PER_PAGE + 1), last=last, total=total),
            "first_href": self.link() if page > 1 else "",
            "next_href": self.link(page + 1) if last < total else "",
        }
