"""Two people at once: objections get numbers 1 and 2, postings different numbers, on both databases."""

from __future__ import annotations

import threading

from civic.bulletin import operations
from civic.core.atomic import atomic
from civic.core.db import db
from civic.territory.models import Territory, TerritoryKind
from tests.support.bulletin import WRITER, posting_text


def together(app, *acts):
    """Run the acts at the same time, each in a thread with an application context of its own; their results in order."""
    results, barrier = [None] * len(acts), threading.Barrier(len(acts))

    def run(place, act):
        with app.app_context():
            barrier.wait()
            results[place] = act()
            db.session.remove()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_two_objections_and_two_postings_at_once(live_app):
    with live_app.app_context():
        with atomic():
            place = Territory(code="T1", kind=TerritoryKind.district, name_zh="区", name_en="District", path="/T1/")
            db.session.add(place)
        rows = [operations.draft_posting(WRITER, place.id, None, posting_text()) for _ in range(2)]
        ids = [(row.id, row.lock_version) for row in rows]
        db.session.remove()
    together(live_app, *(lambda each=each: operations.put_up(WRITER, *each).id for each in ids))
    with live_app.app_context():
        numbers = [n for (n,) in db.session.execute(db.select(type(rows[0]).number))]
        db.session.remove()
    assert sorted(n[:15] for n in numbers) == [numbers[0][:10] + "00001", numbers[0][:10] + "00002"]
    said = together(
        live_app, *(lambda n=n: operations.object_to(WRITER, ids[0][0], f"不对 {n}", name="何", contact="1").number for n in range(2))
    )
    assert sorted(said) == [1, 2]
