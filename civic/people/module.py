"""The manifest of `people`."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core import clock
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Topic
from civic.core.registry import Job, Link, Module, Queue, Seed
from civic.core.viewer import Viewer
from civic.people import district, mydata, operations, policies, queries, seeds
from civic.people.checks import CHECKS
from civic.people.loaders import PEOPLE
from civic.people.sealed import SEALED
from civic.people.views import care, find, households, lives, merges, persons, public, trust


def _desk_actions(viewer: Viewer) -> list[Link]:
    links = []
    if policies.can_find(viewer):
        links.append(Link(_p("page", "Find people"), "/desk/people/", "people", _l("By name, phone, card or document number"), 100))
    if policies.can_publish_notice(viewer):
        links.append(
            Link(
                _l("Privacy notice for residents"),
                "/desk/people/privacy-notice",
                "shield",
                _l("What people agree to, version by version"),
                820,
            )
        )
    return links


def _desk_queues(viewer: Viewer) -> Sequence[Queue]:
    queues = []
    if viewer.has_role(*merges.DECIDERS) and (waiting := queries.waiting_merges(viewer)):
        queues.append(
            Queue(
                _p("page", "Merges"), "/desk/people/merges/", len(waiting), hint=_l("Two rows for one person: a second person decides"),
                position=110,
            )
        )  # fmt: skip
    if viewer.has_role(*policies.EDITORS) and (wishes := queries.open_corrections(viewer)):
        late = sum(correction.due_on < clock.today() for correction, _row, _wish in wishes)
        queues.append(
            Queue(
                _p("page", "Corrections"), "/desk/people/corrections/", len(wishes), late, _l("People ask to have something put right"),
                position=105,
            )
        )  # fmt: skip
    return queues


def manifest() -> Module:
    return Module(
        name="people",
        title=_p("people", "People"),
        blueprints=(public.bp, find.bp, persons.bp, households.bp, lives.bp, trust.bp, merges.bp, care.bp),
        desk_actions=_desk_actions,
        desk_queues=_desk_queues,
        loaders=(PEOPLE,),
        checks=CHECKS,
        seeds=(Seed("demo", seeds.demo, 30), Seed("district", district.district, 20)),
        retention=(Job("empty-people", operations.empty_restricted, at="03:50"),),
        sealed=SEALED,
        receivers={"person": mydata.contacts},
        message_topics=(Topic("people", _l("Answers about what is recorded of you"), default=(MessageChannel.mail, MessageChannel.text)),),
        personal_data=mydata.personal_data,
    )
