"""Switching a feature off (and on again) for the site or a territory, from a day: its pages vanish, its data stays."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.errors import DomainError
from civic.core.registry import Module
from civic.core.site import FeatureSwitch
from civic.core.viewer import Actor

TOPIC = "features"


class NoFeature(DomainError):
    """What every site needs cannot be switched off."""

    code = "no_feature"
    sentence = _l("%(name)s belongs to the house and is always on.")


class SwitchInThePast(DomainError):
    """A day that is over cannot be changed."""

    code = "switch_in_the_past"
    sentence = _l("%(day)s is over; a switch counts from today or later.")


def switch_feature(actor: Actor, module: Module, territory: str, from_on: date, *, is_off: bool) -> None:
    """Switch a feature for a territory path ('' = the whole site) from a day on.  Raises NoFeature, SwitchInThePast."""
    with atomic() as tx:
        if not module.is_feature:
            raise NoFeature(name=str(module.title))
        if from_on < clock.today():
            raise SwitchInThePast(day=from_on, field="from_on")
        statement = upsert(FeatureSwitch.__table__).values(feature=module.name, territory=territory, from_on=from_on, is_off=is_off)
        statement = statement.on_conflict_do_update(index_elements=["feature", "territory", "from_on"], set_={"is_off": is_off})
        switch_id = db.session.execute(statement.returning(FeatureSwitch.id)).scalar_one()
        audit.record(actor, "site.feature.switch", "feature_switch", switch_id, is_off=is_off, from_on=from_on.isoformat())
        tx.touch(TOPIC)


def switches() -> list[FeatureSwitch]:
    """All switches, the newest day first."""
    return list(db.session.scalars(sa.select(FeatureSwitch).order_by(FeatureSwitch.from_on.desc(), FeatureSwitch.feature)))
