"""Marks of the database itself: is it a demonstration, which keys belong to it, which features are off."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.db import Model, intpk


class SiteMark(Model):
    """One fact about this database: `demo`, `key` (fingerprint of its first data key)."""

    __tablename__ = "site_mark"
    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    value: Mapped[str] = mapped_column(sa.String(200))


class FeatureSwitch(Model):
    """From a day on, a feature is off (or on again) for a territory and everything below it; an empty path is the whole site."""

    __tablename__ = "feature_switch"
    __table_args__ = (sa.UniqueConstraint("feature", "territory", "from_on"),)
    id: Mapped[intpk]
    feature: Mapped[str] = mapped_column(sa.String(40))
    territory: Mapped[str] = mapped_column(sa.String(200), default="", comment="path of codes")
    from_on: Mapped[date]
    is_off: Mapped[bool]
