"""Two who decide at once, and two who draft rules at once, with real threads and real commits on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people.models import PersonSource
from civic.people.records import Record
from civic.points import operations
from civic.points.models import Policy, Proposal, ProposalState, Transfer, TransferKind
from civic.points.operations import policy, proposals
from civic.territory.models import Territory, TerritoryKind
from tests.support.points import adopt, balance

ASKER, FIRST, SECOND = Actor(21), Actor(22), Actor(23)


def begun(app) -> tuple[int, int]:
    """(programme, wallet with 8 newly issued points)."""
    with app.app_context():
        with atomic():
            district = Territory(code="440113", kind=TerritoryKind.district, name_zh="区", name_en="District", path="/440113/")
            home = Territory(code="440113901", kind=TerritoryKind.community, name_zh="社区", name_en="C", path="/440113/440113901/")
            db.session.add_all([district, home])
        person = people.create_person(ASKER, home.id, Record("王芳", birth_on="1958-03-04"), source=PersonSource.desk)
        programme = operations.open_programme(ASKER, district.id, "PY", "积分", "Points").id
        adopt(programme)
        with atomic():
            wallet = operations.wallet_of_person(programme, person.id)
        proposals.grant(ASKER, wallet, 8_00, source="care_grant:1", from_pool=False)
        db.session.remove()
    return programme, wallet


def outcomes(app, acts) -> list[str]:
    """What each of the acts, begun at the same moment, answers: ok or the code of its refusal."""

    def run(act) -> str:
        with app.app_context():
            try:
                act()
            except DomainError as refusal:
                return refusal.code
            finally:
                db.session.remove()
            return "ok"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def test_two_decide_one_proposal_at_once(live_app):
    _programme, wallet = begun(live_app)
    for number in range(4):
        with live_app.app_context():
            made = proposals.propose_grant(ASKER, wallet, 1_00, "x", from_pool=False).id
            db.session.remove()
        said = outcomes(
            live_app,
            [
                lambda made=made: proposals.decide(FIRST, made, True),
                lambda made=made, yes=number % 2 == 0: proposals.decide(SECOND, made, yes),
                lambda made=made: proposals.withdraw(ASKER, made),
            ],
        )
        assert said == ["already_decided", "already_decided", "ok"]
    with live_app.app_context():
        done = db.session.scalar(sa.select(sa.func.count()).select_from(Proposal).where(Proposal.state == ProposalState.done))
        assert balance(wallet) == 8_00 + done * 1_00
        db.session.remove()


def test_two_ask_for_the_same_reversal_at_once(live_app):
    begun(live_app)
    with live_app.app_context():
        row = db.session.scalars(sa.select(Transfer.id)).one()
        db.session.remove()
    said = outcomes(live_app, [lambda actor=actor: proposals.propose_reversal(actor, row, "x") for actor in (FIRST, SECOND, ASKER)])
    assert said == ["not_reversible", "not_reversible", "ok"]


def test_the_verb_for_care_grants_once_however_often_it_is_called(live_app):
    _programme, wallet = begun(live_app)
    assert outcomes(live_app, [lambda: proposals.grant(ASKER, wallet, 2_00, source="care_grant:2", from_pool=False)] * 4) == ["ok"] * 4
    with live_app.app_context():
        assert balance(wallet) == 10_00
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Transfer).where(Transfer.kind == TransferKind.single)) == 2
        db.session.remove()


def test_two_draft_at_once_and_one_version_begins(live_app):
    programme, _wallet = begun(live_app)
    said = outcomes(live_app, [lambda actor=actor: policy.draft(actor, programme) for actor in (FIRST, SECOND, ASKER)])
    assert said == ["ok", "version_open", "version_open"]
    with live_app.app_context():
        numbers = set(db.session.scalars(sa.select(Policy.number)))
        assert numbers == {"2026-1", f"{clock.today().year}-{2 if clock.today().year == 2026 else 1}"}
        db.session.remove()
