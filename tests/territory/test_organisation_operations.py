"""Organisations: made, edited, ended with a successor; codes, roles and chains that are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.territory import signals
from civic.territory.errors import (
    BadCode,
    CodeTaken,
    EndsBeforeBeginning,
    NotARole,
    OrganisationChanged,
    OrganisationEnded,
    ParentCycle,
    SuccessorCycle,
    UnknownOrganisation,
    UnknownTerritory,
)
from civic.territory.models import Organisation, OrganisationKind
from civic.territory.operations import OrganisationText, create_organisation, edit_organisation, end_organisation

TEXT = OrganisationText(OrganisationKind.company, "禺水公司", "Yushui Company")


def test_an_organisation_is_made_with_all_it_points_at(make_community, make_organisation, actor):
    place, office = make_community(), make_organisation("town_office")
    role = make_organisation("role", code="B-O-GSD")
    text = replace(TEXT, parent_code=office.code, territory_code=place.code, role_code="B-O-GSD", valid_from=date(2020, 1, 1))
    made = create_organisation(actor, "O-NEW", text)
    db.session.expire_all()
    assert (made.parent.id, made.territory.id, made.role.id) == (office.id, place.id, role.id)
    assert (made.name_en, made.kind, made.valid_from) == ("Yushui Company", OrganisationKind.company, date(2020, 1, 1))
    assert db.session.scalar(sa.select(AuditEvent.verb)) == "territory.organisation.create"


@pytest.mark.parametrize(
    ("code", "change", "refusal", "field"),
    [
        ("o-lower", {}, BadCode, "code"),
        ("", {}, BadCode, "code"),
        ("O-1", {}, CodeTaken, "code"),
        ("O-NEW", {"parent_code": "O-NO"}, UnknownOrganisation, "parent_code"),
        ("O-NEW", {"role_code": "B-NO"}, UnknownOrganisation, "role_code"),
        ("O-NEW", {"role_code": "O-1"}, NotARole, "role_code"),
        ("O-NEW", {"territory_code": "999"}, UnknownTerritory, "territory_code"),
    ],
)
def test_what_a_new_one_may_not_say(make_organisation, actor, code, change, refusal, field):
    make_organisation()
    with pytest.raises(refusal) as caught:
        create_organisation(actor, code, replace(TEXT, **change))
    assert caught.value.field == field
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Organisation)) == 1


def test_an_edit_counts_and_the_second_editor_is_told(make_organisation, actor):
    company = make_organisation("company")
    edit_organisation(actor, company.id, 1, TEXT)
    assert (company.name_zh, company.lock_version) == ("禺水公司", 2)
    with pytest.raises(OrganisationChanged) as caught:
        edit_organisation(actor, company.id, 1, TEXT)
    assert caught.value.context == {"current": 2}
    with pytest.raises(OrganisationChanged):
        end_organisation(actor, company.id, 1, date(2026, 12, 31))


def test_nobody_stands_below_itself(make_organisation, actor):
    top = make_organisation()
    middle = make_organisation(parent=top)
    bottom = make_organisation(parent=middle)
    for parent in (top, bottom):
        with pytest.raises(ParentCycle) as caught:
            edit_organisation(actor, top.id, 1, replace(TEXT, parent_code=parent.code))
        assert caught.value.field == "parent_code"
    edit_organisation(actor, bottom.id, 1, replace(TEXT, parent_code=top.code))
    db.session.expire_all()
    assert bottom.parent_id == top.id
    assert top.parent_id is None


def test_a_circle_that_already_stands_does_not_hang_an_edit(make_organisation, actor):
    one, two, three = make_organisation(), make_organisation(), make_organisation()
    db.session.execute(sa.update(Organisation).where(Organisation.id == one.id).values(parent_id=two.id))
    db.session.execute(sa.update(Organisation).where(Organisation.id == two.id).values(parent_id=one.id))
    db.session.commit()
    edit_organisation(actor, three.id, 1, replace(TEXT, parent_code=one.code))
    assert three.parent_id == one.id


def test_it_cannot_begin_after_its_end(make_organisation, actor):
    company = make_organisation("company", valid_to=date(2026, 12, 31))
    with pytest.raises(EndsBeforeBeginning) as caught:
        edit_organisation(actor, company.id, 1, replace(TEXT, valid_from=date(2027, 1, 1)))
    assert caught.value.field == "valid_from"
    edit_organisation(actor, company.id, 1, replace(TEXT, valid_from=date(2026, 12, 31)))


def test_it_ends_with_a_successor_and_somebody_hears(make_organisation, actor):
    old, new, heard = make_organisation(valid_from=date(2020, 1, 1)), make_organisation(), []
    hear = signals.organisation_ended.connect(lambda organisation, **_: heard.append(organisation.code))
    end_organisation(actor, old.id, 1, date(2026, 12, 31), new.code)
    assert hear
    assert heard == [old.code]
    assert (old.valid_to, old.successor_id, old.lock_version) == (date(2026, 12, 31), new.id, 2)
    end_organisation(actor, old.id, 2, date(2027, 1, 31))  # an end still to come may move
    assert (old.valid_to, old.successor_id) == (date(2027, 1, 31), None)


def test_what_an_end_may_not_say(make_organisation, actor):
    old = make_organisation(valid_from=date(2026, 1, 1))
    heir = make_organisation(successor=old)
    for last_on, successor, refusal, field in (
        (date(2025, 12, 31), "", EndsBeforeBeginning, "last_on"),
        (date(2026, 12, 31), "O-NO", UnknownOrganisation, "successor_code"),
        (date(2026, 12, 31), old.code, SuccessorCycle, "successor_code"),
        (date(2026, 12, 31), heir.code, SuccessorCycle, "successor_code"),
    ):
        with pytest.raises(refusal) as caught:
            end_organisation(actor, old.id, 1, last_on, successor)
        assert caught.value.field == field
    gone = make_organisation(valid_to=date(2026, 11, 24))
    with pytest.raises(OrganisationEnded):
        end_organisation(actor, gone.id, 1, date(2026, 12, 31))


def test_two_editors_who_put_one_below_the_other_do_not_make_a_circle(live_app):
    """Two threads at once: one of the two is refused or comes second and sees the first; never both."""
    import threading

    from civic.core.atomic import atomic
    from civic.core.viewer import Actor

    with live_app.app_context(), atomic():
        db.session.add_all([Organisation(code=f"O-{n}", kind=OrganisationKind.agency, name_zh="x", name_en="x") for n in (1, 2)])
    outcomes = []

    def work(own: int, other: str) -> None:
        with live_app.app_context():
            try:
                edit_organisation(Actor(7), own, 1, replace(TEXT, parent_code=other))
                outcomes.append("saved")
            except ParentCycle:
                outcomes.append("refused")

    threads = [threading.Thread(target=work, args=pair) for pair in ((1, "O-2"), (2, "O-1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "saved"]
