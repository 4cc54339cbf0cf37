"""Who may do what with points: pure functions of a Viewer and of whose wallet it is.

Residents act on their own wallet, adults on their household's too.  Social workers and managers of the community work at the desk,
never on a wallet of their own household.  Clerks serve the person who stands before them: tell, print, give for her, and no more.  Rules of points belong to the whole district.  Auditors read everything and write nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from civic.core.viewer import Role, Viewer

DESK = (Role.social_worker, Role.manager)
BESIDE = (Role.clerk, *DESK)
ABOVE = (Role.town, Role.district)
DECIDERS = (*DESK, *ABOVE)
RULERS = (Role.district, Role.administrator)
READERS = (Role.auditor,)
REPORT_READERS = (*RULERS, *READERS)
SIGNERS = (Role.district,)


@dataclass(frozen=True)
class Holder:
    """Whose wallet it is.

    path: of the community that keeps the person or household; of the district for a wallet of the programme itself.
    owners: the person, or the adults of the household: who may use it.  household: everybody who lives with them: for whom it is her own.
    """

    path: str
    owners: frozenset[int] = frozenset()
    household: frozenset[int] = frozenset()


def _covers(viewer: Viewer, roles: tuple[Role, ...], path: str) -> bool:
    """Territory alone: people are not divided among the organisations of a community."""
    return any(scope.role in roles and path.startswith(scope.territory) for scope in viewer.scopes)


def can_use(viewer: Viewer, holder: Holder) -> bool:
    """Donate, exchange, spend: its owner, or an adult of the household that owns it."""
    return viewer.person_id is not None and viewer.person_id in holder.owners


def is_own(viewer: Viewer, holder: Holder) -> bool:
    """It belongs to her or to somebody she lives with; whose login it is counts before she has proven it."""
    return viewer.bound_to is not None and viewer.bound_to in holder.owners | holder.household


def can_see_wallet(viewer: Viewer, holder: Holder) -> bool:
    """Who may use it; the desk of its community; auditors of the place."""
    return can_use(viewer, holder) or can_see_at_desk(viewer, holder.path)


def can_see_at_desk(viewer: Viewer, path: str) -> bool:
    """Social workers and managers of the community, auditors of the place."""
    return _covers(viewer, (*DESK, *READERS), path)


def can_work(viewer: Viewer, path: str) -> bool:
    """At the desk with wallets of this community: social workers and managers."""
    return _covers(viewer, DESK, path)


def can_read_beside(viewer: Viewer, path: str) -> bool:
    """What a person of this community has, to tell and to print it: her station's window too, auditors of the place."""
    return _covers(viewer, (*BESIDE, *READERS), path)


def can_serve(viewer: Viewer, path: str) -> bool:
    """Act for the person beside: clerks, social workers, managers of her community."""
    return _covers(viewer, BESIDE, path)


def can_give_beside(viewer: Viewer, holder: Holder) -> bool:
    """Give away for the person beside, who says so; never what is one's own or one's household's."""
    return can_serve(viewer, holder.path) and not is_own(viewer, holder)


def can_open_beside(viewer: Viewer, path: str, verified_in: Collection[str]) -> bool:
    """Open a wallet before the first points: the desk of the community for anybody, clerks for whom it knows to live there."""
    return can_work(viewer, path) or (path in verified_in and can_serve(viewer, path))


def can_freeze(viewer: Viewer, holder: Holder) -> bool:
    """The desk of the community, never for her own household."""
    return can_work(viewer, holder.path) and not is_own(viewer, holder)


def can_close(viewer: Viewer, holder: Holder) -> bool:
    return can_freeze(viewer, holder)


def can_propose(viewer: Viewer, holder: Holder) -> bool:
    """Ask for a grant, a reversal, an opening: the desk of the community, never for her own household."""
    return can_freeze(viewer, holder)


def can_see_proposal(viewer: Viewer, path: str) -> bool:
    """The desk of the community, those above it, auditors of the place."""
    return _covers(viewer, (*DECIDERS, *READERS), path)


def can_decide_at(viewer: Viewer, path: str) -> bool:
    """Decide proposals of this community: its desk, or those of town, street or district above."""
    return _covers(viewer, DECIDERS, path)


def can_decide(viewer: Viewer, holder: Holder, maker_id: int, maker_person_id: int | None = None) -> bool:
    """Another person than the one who asked: of the community's desk, or of town, street or district above; never her own household."""
    return can_decide_at(viewer, holder.path) and is_other(viewer, maker_id, maker_person_id) and not is_own(viewer, holder)


def is_other(viewer: Viewer, maker_id: int, maker_person_id: int | None = None) -> bool:
    """Another person, not the same one with a second login."""
    same_person = viewer.bound_to is not None and viewer.bound_to == maker_person_id
    return viewer.account_id is not None and viewer.account_id != maker_id and not same_person


def can_rule(viewer: Viewer, district: str) -> bool:
    """Write, propose, adopt rules: district or administrator of this whole district, bound to no organisation."""
    return any(scope.role in RULERS and scope.is_district_wide and scope.territory == district for scope in viewer.scopes)


def can_rule_somewhere(viewer: Viewer) -> bool:
    return viewer.holds_district_wide(*RULERS)


def can_agree(viewer: Viewer, district: str, maker_id: int, maker_person_id: int | None = None) -> bool:
    """Rules need a second person with the same right."""
    return can_rule(viewer, district) and is_other(viewer, maker_id, maker_person_id)


def can_read_rules(viewer: Viewer, district: str) -> bool:
    """Versions that are not posted yet: who rules, and auditors of anything in the district."""
    return can_rule(viewer, district) or any(s.role in READERS and s.territory.startswith(district) for s in viewer.scopes)


def can_read_reports(viewer: Viewer, district: str) -> bool:
    """The desk's list of monthly reports: who rules the programme, auditors of anything in the district."""
    return can_read_rules(viewer, district)


def can_make_report(viewer: Viewer, district: str) -> bool:
    """By hand, when the job did not: who rules the programme."""
    return can_rule(viewer, district)


def can_sign_report(viewer: Viewer, district: str) -> bool:
    """The district answers for its report: a grant of this role for the whole district, bound to no organisation."""
    return any(scope.role in SIGNERS and scope.is_district_wide and scope.territory == district for scope in viewer.scopes)


def can_audit(viewer: Viewer, path: str) -> bool:
    """Read and export everything of points in this place."""
    return _covers(viewer, READERS, path)


def can_look_at_hints(viewer: Viewer, path: str) -> bool:
    """Explained hints: the desk of the community, those above it (a ring may reach over several), auditors of the place."""
    return _covers(viewer, (*DECIDERS, *READERS), path)


def can_close_hint(viewer: Viewer, path: str) -> bool:
    return _covers(viewer, DECIDERS, path)
