"""The manifest of `points`."""

from __future__ import annotations

from flask_babel import lazy_pgettext as _p

from civic.core import closes
from civic.core.registry import Job, Module, Seed
from civic.points import api, causes, checks, desk, district, entries, listeners, mydata, open_work, seeds
from civic.points.operations import donations, expiry, hints, left
from civic.points.operations.reports import make_missing
from civic.points.views import audit, desk_beside, desk_proposals, desk_wallets, mine, rules, rules_desk
from civic.points.views import closes as closes_views
from civic.points.views import hints as hint_views
from civic.points.views import reports as report_views


def manifest() -> Module:
    return Module(
        name="points",
        title=_p("page", "Points"),
        blueprints=(
            mine.bp,
            closes_views.bp,
            report_views.bp,
            report_views.desk,
            rules.bp,
            rules_desk.bp,
            desk_proposals.bp,
            desk_beside.bp,
            desk_wallets.bp,
            hint_views.bp,
            audit.bp,
        ),
        api=api.RESOURCES,
        jobs=(
            Job("points-close", lambda: closes.close_yesterday(checks.BOOK), at="00:20"),
            Job("points-report", make_missing, at="00:50"),
            Job("points-holds", expiry.end_due_holds, minutes=1),
            Job("points-left", left.settle_left, at="02:10"),
            Job("points-expiry", expiry.run, at="02:40"),
            Job("points-hints", hints.run, at="03:05"),
        ),
        books=(checks.BOOK,),
        checks=checks.CHECKS,
        seeds=(Seed("demo", seeds.demo, 70), Seed("demo", seeds.close_books, 95), Seed("district", district.district, 70)),
        desk_actions=desk.actions,
        desk_queues=desk.queues,
        navigation=entries.navigation,
        elder_doors=entries.elder_doors,
        home_cards=entries.home_cards,
        person_actions=desk.person_actions,
        message_topics=(expiry.EXPIRY_TOPIC, donations.DESK_TOPIC),
        sources=causes.SOURCES,
        open_work=open_work.open_work,
        personal_data=mydata.personal_data,
        start=(listeners.start,),
    )
