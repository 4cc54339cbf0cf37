"""What points put on the desk: links and queues of rules, proposals, hints and reports, and the link on the page of the person beside you."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import url_for
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core import clock, reports
from civic.core.closes import last
from civic.core.registry import Link, Queue
from civic.core.viewer import Viewer
from civic.people import queries as people
from civic.points import policies
from civic.points.models import Programme, Proposal
from civic.points.queries import hints, reporting, ruling
from civic.points.totals import BOOK


def actions(viewer: Viewer) -> list[Link]:
    links = []
    if any(policies.can_read_reports(viewer, path) for _programme, path in _reported(viewer)):
        words = _l("Make, sign, print; daily closes")
        links.append(Link(_l("Monthly reports of points"), url_for("points_reports_desk.queue"), "list", words, 46))
    if viewer.has_role(*policies.DECIDERS, *policies.READERS):
        words = _l("Grants, reversals, brought-along points")
        links.append(Link(_l("Proposals about points"), url_for("points_proposals.index"), "points", words, 130))
    if policies.can_rule_somewhere(viewer) or viewer.has_role(*policies.READERS):
        links.append(Link(_l("Rules of points"), url_for("points_rules_desk.index"), "law", _l("Versions, what changes, adoption"), 131))
    if viewer.has_role(*hints.SEES):
        words = _l("Sudden earners, people who only pay each other")
        links.append(Link(_l("Hints about points"), url_for("points_hints.index"), "search", words, 132))
    if viewer.has_role(*policies.READERS):
        words = _l("Every page of points, and the ledger as files of ids")
        links.append(Link(_l("Audit of points"), url_for("points_audit.index"), "list", words, 133))
    return links


def queues(viewer: Viewer) -> list[Queue]:
    return [*_of_reports(viewer), *_of_proposals(viewer), *_of_rules(viewer), *_of_hints(viewer)]


def person_actions(viewer: Viewer, person_id: int) -> Sequence[Link]:
    """On the desk's page of a person: for clerks, social workers and managers of her community."""
    uid, path = people.uid_and_path(person_id)
    if not policies.can_serve(viewer, path):
        return []
    works = policies.can_work(viewer, path)
    hint = _l("Wallet, what moved it, ask for points, freeze") if works else _l("Tell her what is there, print it, give some away")
    return [Link(_p("page", "Points"), url_for("points_beside.home", uid=uid), "points", hint, 30)]


def _reported(viewer: Viewer) -> list[tuple[Programme, str]]:
    """The programmes with their districts; no question to the database for those whom it does not concern."""
    return reporting.programmes() if viewer.has_role(*policies.REPORT_READERS) else []


def _of_reports(viewer: Viewer) -> list[Queue]:
    """A close that is missing is an alarm: a counter differs from its rows, or the job does not run."""
    found = [(programme, path) for programme, path in _reported(viewer) if policies.can_read_reports(viewer, path)]
    if not found:
        return []
    newest = last(BOOK)
    missing = max(0, (clock.today() - timedelta(days=1) - newest.day).days) if newest is not None else 0
    queues = [Queue(_l("Days of points without their close"), url_for("points_closes.index"), missing, late=missing, position=15)]
    if signed := [programme for programme, path in found if policies.can_sign_report(viewer, path)]:
        waiting = sum(_unsigned(programme.territory_id) for programme in signed)
        queues.append(Queue(_l("Reports of points that nobody has signed"), url_for("points_reports_desk.queue"), waiting, position=45))
    return queues


def _unsigned(territory_id: int) -> int:
    made = reports.listed(reporting.KIND, territory_id)
    return len({row.id for row in made} - reports.signatures([row.id for row in made]).keys())


def _of_proposals(viewer: Viewer) -> list[Queue]:
    """A colleague asked; her own wait for somebody else."""
    if not viewer.has_role(*policies.DECIDERS):
        return []
    count = ruling.count_of(ruling.proposals(viewer, waiting=True).where(Proposal.maker_id != viewer.account_id))
    hint = _l("A colleague asked; a second person decides")
    return [Queue(_l("Proposals about points"), url_for("points_proposals.index"), count, hint=hint, position=120)] if count else []


def _of_rules(viewer: Viewer) -> list[Queue]:
    count = ruling.rules_that_wait(viewer) if policies.can_rule_somewhere(viewer) else 0
    hint = _l("For a second person, or for adoption after the posting")
    return [Queue(_l("Rules of points that wait"), url_for("points_rules_desk.index"), count, hint=hint, position=121)] if count else []


def _of_hints(viewer: Viewer) -> list[Queue]:
    """For those who may write down what they found."""
    count = hints.count_open(viewer) if viewer.has_role(*policies.DECIDERS) else 0
    hint = _l("Somebody should look; nothing follows by itself")
    return [Queue(_l("Hints about points"), url_for("points_hints.index"), count, hint=hint, position=122)] if count else []
