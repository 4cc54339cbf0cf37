"""What a person is told is stored of her in points: everything, in her language, nothing of others."""

from __future__ import annotations

import json
from datetime import date, timedelta

from flask_babel import force_locale

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.personaldata import everything_about
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.points import operations
from civic.points.models import Hint, HintKind
from civic.points.operations import hints
from civic.points.operations.proposals import propose_grant
from tests.support.people import CLERK, COLLEAGUE

DESK = Actor(7)


def told(person) -> dict[str, str]:
    """Name of the part → all of its words."""
    with force_locale("en"):
        parts = [part for part in everything_about(person.id, None) if part.name.startswith("points")]
        return {part.name: json.dumps([[str(label), value] for label, value in part.rows], default=str) for part in parts}


def test_without_a_wallet_nothing_is_told(programme, make_person):
    assert told(make_person()) == {}


def test_everything_of_a_wallet_is_told(programme, make_person, make_wallet):
    wang = make_person()
    wallet = make_wallet(5_00, wang)
    operations.hold(DESK, wallet, 2_00, source="order:1", until=clock.now() + timedelta(days=9))
    propose_grant(DESK, wallet, 3_00, "three weeks in hospital")
    with atomic():
        detail = json.dumps({"wallets": [wallet]})
        row = Hint(territory_id=wang.place_id, kind=HintKind.sudden, subject=f"wallet:{wallet}:2026-W47", detail=detail)
        db.session.add(row)
    hints.look_at(COLLEAGUE, row.id, "flood duty")
    found = told(wang)
    assert sorted(found) == ["points", "points_earned", "points_held", "points_hints", "points_lines", "points_proposals"]
    assert "5.00 points" in found["points"]
    assert "+5.00" in found["points_lines"]
    assert "order:1" in found["points_held"]
    assert "300 minutes, 300 of them count, 5.00 points" in found["points_earned"]
    assert "three weeks in hospital" in found["points_proposals"]
    assert "flood duty" in found["points_hints"]


def test_rows_merged_into_her_are_hers_and_another_wallet_is_not(programme, make_person, make_wallet):
    loser, survivor, other = make_person(), make_person("王方"), make_person("李强")
    make_wallet(2_00, loser)
    make_wallet(3_00, other)
    people.decide_merge(COLLEAGUE, people.ask_merge(CLERK, loser.id, survivor.id, "同一人").id, True)
    found = told(survivor)
    assert "2.00 points" in found["points"]
    assert "3.00" not in "".join(found.values())


def test_an_undone_death_is_told_as_what_it_was(programme, make_person, make_wallet):
    wang = make_person()
    make_wallet(2_00, wang)
    people.record_death(CLERK, wang.id, date(2026, 11, 25))
    people.undo_death(CLERK, wang.id)
    assert "a death recorded by mistake, was undone" in told(wang)["points_lines"]
