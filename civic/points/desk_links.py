"""What the desk shows of rules and proposals: links, queues, and the link on the page of the person beside you."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core.registry import Link, Queue
from civic.core.viewer import Viewer
from civic.people import queries as people
from civic.points import policies, ruling
from civic.points.models import Proposal


def desk_actions(viewer: Viewer) -> list[Link]:
    links = []
    if viewer.has_role(*policies.DECIDERS, *policies.READERS):
        links.append(
            Link(
                _l("Proposals about points"),
                url_for("points_proposals.index"),
                "points",
                _l("Grants, reversals, brought-along points"),
                130,
            )
        )
    if policies.can_rule_somewhere(viewer) or viewer.has_role(*policies.READERS):
        links.append(Link(_l("Rules of points"), url_for("points_rules_desk.index"), "law", _l("Versions, what changes, adoption"), 131))
    return links


def desk_queues(viewer: Viewer) -> Sequence[Queue]:
    queues = []
    if viewer.has_role(*policies.DECIDERS):
        waiting = ruling.proposals(viewer, waiting=True).where(Proposal.maker_id != viewer.account_id)
        count = ruling.count_of(waiting)
        if count:
            queues.append(
                Queue(
                    _l("Proposals about points"), url_for("points_proposals.index"), count,
                    hint=_l("A colleague asked; a second person decides"), position=120,
                )
            )  # fmt: skip
    if policies.can_rule_somewhere(viewer) and (count := ruling.rules_that_wait(viewer)):
        queues.append(
            Queue(
                _l("Rules of points that wait"), url_for("points_rules_desk.index"), count,
                hint=_l("For a second person, or for adoption after the posting"), position=121,
            )
        )  # fmt: skip
    return queues


def person_actions(viewer: Viewer, person_id: int) -> Sequence[Link]:
    """On the desk's page of a person: for clerks, social workers and managers of her community."""
    uid, path = people.uid_and_path(person_id)
    if not policies.can_serve(viewer, path):
        return []
    works = policies.can_work(viewer, path)
    hint = _l("Wallet, what moved it, ask for points, freeze") if works else _l("Tell her what is there, print it, give some away")
    return [Link(_p("page", "Points"), url_for("points_beside.home", uid=uid), "points", hint, 30)]
