"""The manifest of `exchange`."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core import search
from civic.core.db import Bilingual
from civic.core.i18n import plain
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Topic
from civic.core.registry import Hit, Job, Module, SearchSource, Seed
from civic.exchange import (
    addresses,
    api,
    entries,
    evidence,
    labels,
    listeners,
    open_work,
    operations,
    queries,
    seeds,
)
from civic.exchange.checks import CHECKS
from civic.exchange.models import Listing
from civic.exchange.views import beside, desk, mine, public


def _own_words(row: Listing, words: str) -> Bilingual:
    """A person's words stand in one language; a reader of the other sees them marked with it."""
    return Bilingual(words, "") if row.lang == "zh" else Bilingual("", words)


def _hits(found: Sequence[search.Found]) -> dict[str, Hit]:
    """Listings that are still open; whose they are is not told here."""
    return {
        row.uid: Hit(
            _own_words(row, row.title),
            _own_words(row, row.text),
            addresses.listing(row.uid),
            f"{labels.KIND[row.kind]} · {plain(row.territory.name)}",
        )
        for row in queries.hits([f.result for f in found])
    }


def manifest() -> Module:
    return Module(
        name="exchange",
        title=_l("Service for service"),
        is_feature=True,
        blueprints=(public.bp, mine.bp, desk.bp, beside.bp),
        api=api.RESOURCES,
        jobs=(
            Job("exchange-due", operations.settle_all_due, minutes=10),
            Job("exchange-over", operations.drop_over, at="00:10"),
        ),
        search_sources=(SearchSource(queries.LISTINGS, _p("page", "Offers and needs"), _hits),),
        navigation=entries.navigation,
        elder_doors=entries.elder_doors,
        home_cards=entries.home_cards,
        desk_actions=entries.desk_actions,
        desk_queues=entries.desk_queues,
        person_actions=entries.person_actions,
        sources={"exchange": entries.sources},
        coming=entries.coming,
        file_policy={queries.DISPUTE_FILE: evidence.may_open},
        checks=CHECKS,
        seeds=(Seed("demo", seeds.demo, 80),),
        retention=(
            Job("exchange-words", operations.forget_words, at="03:35"),
            Job("exchange-listings", operations.forget_listings, at="03:40"),
        ),
        message_topics=(
            Topic(operations.TOPIC, _l("Service for service with neighbours"), default=(MessageChannel.mail, MessageChannel.text)),
        ),
        open_work=open_work.open_work,
        personal_data=open_work.personal_data,
        start=(listeners.start,),
    )
