"""Announcements: two languages with their states, publishing, urgency, corrections, who sees them where."""

from __future__ import annotations

from datetime import timedelta

import pytest

from civic.bulletin import operations, queries
from civic.bulletin.errors import AnnouncementChanged, EndsBeforeItBegins, LanguageMissing, NoWords
from civic.bulletin.models import AnnouncementState
from civic.bulletin.queries.boards import count_of
from civic.core import clock, search
from civic.core.db import db
from civic.core.wording import TextState
from tests.support.bulletin import WRITER, announcement_text


def test_both_languages_are_needed_to_publish(make_announcement):
    draft = make_announcement(publish=False, title_en="", body_en="")
    with pytest.raises(LanguageMissing) as refusal:
        operations.publish_announcement(WRITER, draft.id, draft.lock_version)
    assert refusal.value.field == "title_en"
    db.session.refresh(draft)
    assert draft.state is AnnouncementState.draft


def test_an_urgent_one_goes_out_in_one_language_and_waits_for_the_other(make_announcement, make_account, viewer_of, make_community):
    place = make_community()
    row = make_announcement(place, is_urgent=True, title_en="", body_en="")
    assert (row.state_zh, row.state_en) == (TextState.official, TextState.missing)
    assert row.until_at - row.from_at == timedelta(hours=24)
    manager = viewer_of(make_account(role="manager", territory=place))
    assert list(db.session.scalars(queries.to_translate(manager))) == [row]
    operations.correct_announcement(WRITER, row.id, row.lock_version, announcement_text(is_urgent=True, volunteer_en=True))
    db.session.refresh(row)
    assert row.state_en is TextState.volunteer
    assert list(db.session.scalars(queries.to_translate(manager))) == []


def test_changing_one_language_marks_the_other_as_older(make_announcement):
    row = make_announcement()
    operations.correct_announcement(WRITER, row.id, row.lock_version, announcement_text(body_zh="改到 22 点。"))
    db.session.refresh(row)
    assert (row.state_zh, row.state_en) == (TextState.official, TextState.outdated)
    assert row.changed_at == clock.now()
    operations.correct_announcement(WRITER, row.id, row.lock_version, announcement_text(body_zh="改到 22 点。", fits_en=True))
    db.session.refresh(row)
    assert row.state_en is TextState.official


def test_a_language_cannot_be_taken_away_after_publication(make_announcement):
    row = make_announcement()
    with pytest.raises(LanguageMissing):
        operations.correct_announcement(WRITER, row.id, row.lock_version, announcement_text(title_en="", body_en=""))


def test_two_writers_do_not_overwrite_each_other(make_announcement):
    row = make_announcement(publish=False)
    base = row.lock_version
    operations.correct_announcement(WRITER, row.id, base, announcement_text(title_zh="甲"))
    with pytest.raises(AnnouncementChanged) as refusal:
        operations.correct_announcement(WRITER, row.id, base, announcement_text(title_zh="乙"))
    assert refusal.value.context["current"] == base + 1


def test_words_and_days_are_checked(make_community):
    place = make_community()
    with pytest.raises(NoWords):
        operations.write_announcement(WRITER, place.id, None, announcement_text(title_zh="", title_en=""))
    over = announcement_text(from_at=clock.now(), until_at=clock.now())
    with pytest.raises(EndsBeforeItBegins):
        operations.write_announcement(WRITER, place.id, None, over)


def test_a_place_sees_its_own_and_what_lies_above(make_territory, make_community, make_announcement):
    street = make_territory("street")
    here, beside = make_community(street), make_community(street)
    own, above, other = make_announcement(here), make_announcement(street), make_announcement(beside)
    seen = {row.uid for row in db.session.scalars(queries.in_force(here.path))}
    assert seen == {own.uid, above.uid}
    assert other.uid not in seen


def test_it_begins_and_ends_by_itself(make_community, make_announcement):
    place, now = make_community(), clock.now()
    make_announcement(place, from_at=now + timedelta(hours=2), until_at=now + timedelta(hours=5))
    for hours, count in ((1, 0), (2, 1), (4, 1), (5, 0)):
        with clock.frozen(now + timedelta(hours=hours)):
            assert count_of(queries.in_force(place.path)) == count, hours
    assert queries.next_change(place.path) == now + timedelta(hours=2)
    with clock.frozen(now + timedelta(hours=6)):
        lines, total = queries.archive(place.path, 1)
        assert (total, lines[0].title.en) == (1, "Water off tonight")


def test_search_finds_what_hangs_and_forgets_what_is_withdrawn(make_community, make_announcement):
    place = make_community()
    row = make_announcement(place)
    assert [f.result for f in search.find("停水", territory=place.path)] == [row.uid]
    assert search.find("停水") == []
    operations.withdraw_announcement(WRITER, row.id)
    assert search.find("停水", territory=place.path) == []
