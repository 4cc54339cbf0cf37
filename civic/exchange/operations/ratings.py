"""Ratings: what each of the two thought, once, after points have moved."""

from __future__ import annotations

import sqlalchemy as sa

from civic.core import notes
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.exchange.errors import AlreadyRated, OutOfRange
from civic.exchange.models import Rating, Verb
from civic.exchange.operations.exchanges import load, one_voice
from civic.exchange.operations.settling import note_event
from civic.exchange.operations.telling import tell_one
from civic.exchange.queries.parties import FINISHED


def rate(actor: Actor, exchange_id: int, person_id: int, stars: int, words: str = "") -> Rating:
    """1 to 5 stars and, if she likes, a few words, which the two and social workers alone read.  The one who was rated is told.

    Raises OutOfRange, WrongMoment, NotAParty, AlreadyRated, SpokeForOther.
    """
    if not 1 <= stars <= 5:
        raise OutOfRange(field="stars", least=1, most=5)
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, *FINISHED)
        known = sa.select(Rating.id).where(Rating.exchange_id == row.id, Rating.by_person_id == mine)
        if db.session.scalar(known) is not None:
            raise AlreadyRated
        one_voice(actor, row, mine)
        other = row.helper_id if mine == row.requester_id else row.requester_id
        rating = Rating(exchange_id=row.id, by_person_id=mine, about_person_id=other, stars=stars, note_id=notes.write(words.strip()))
        db.session.add(rating)
        note_event(actor, row, Verb.rated, by=mine)
        tell_one(row, other, "exchange/rated", words=words.strip(), stars=stars)
        tx.result = rating
    return rating
