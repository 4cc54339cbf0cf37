"""Builders of `catalogue` for the tests: fixtures that return a function which commits what it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from civic.catalogue import operations
from civic.catalogue.models import Category, HandlingType, ItemChannel, LimitSource, Material, ServiceItem, channel_bits
from civic.catalogue.operations import ItemText, Words
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from civic.territory.models import Organisation, OrganisationKind

TESTER = Actor(None, job="tests")


def text_of(**changes: Any) -> ItemText:
    """A version's contents, complete and ordinary: 8 working days promised, 15 calendar days by law."""
    values: dict[str, Any] = {
        "name_zh": "广东省居住证申领受理", "name_en": "Guangdong residence permit: first application", "category_id": 0,
        "legal_limit": 15, "limit_unit": Unit.calendar_day, "legal_limit_source": LimitSource.statute,
        "legal_limit_text_zh": "自受理之日起15日内", "legal_limit_text_en": "Within 15 days", "promised_limit": 8,
        "promised_unit": Unit.working_day, "fee_zh": "不收费", "fee_en": "Free of charge", "target_group_zh": "登记满半年的人",
        "target_group_en": "People registered for six months", "handling_type": HandlingType.within_limit, "onsite_visits": 1,
        "result_zh": "居住证", "result_en": "Residence permit", "proxy_allowed": True,
        "channels": channel_bits([ItemChannel.counter, ItemChannel.online]),
    }  # fmt: skip
    return ItemText(**{**values, **changes})


@pytest.fixture
def make_item(site: Any) -> Callable[..., ServiceItem]:
    """A service item in force today, with papers, words and search rows."""

    def make(
        code: str = "SI-LG-004",
        department: Organisation | None = None,
        materials: tuple[str, ...] = ("M-001", "M-002"),
        may_follow: str = "",
        words: Words | None = None,
        **changes: Any,
    ) -> ServiceItem:
        with atomic() as tx:
            owner_id = department.id if department else _department().id
            changes.setdefault("category_id", _category().id)
            for paper in materials:
                if db.session.scalar(sa.select(Material.id).where(Material.code == paper)) is None:
                    db.session.add(Material(code=paper, name_zh=f"材料{paper}", name_en=f"Paper {paper}"))
            item = ServiceItem(code=code, department_id=owner_id)
            db.session.add(item)
            db.session.flush()
            operations.add_version(TESTER, item, text_of(**changes), materials, may_follow, (), clock.today(), "")
            operations.replace_words(
                item, words or Words(("居住证", "暂住证"), ("residence permit",), "住满半年，领居住证", "After half a year")
            )
            db.session.flush()
            operations.index_items([item.id])
            tx.touch("catalogue")
        return item

    return make


def _department() -> Organisation:
    found = db.session.scalar(sa.select(Organisation).where(Organisation.code == "B-DEPT-LG"))
    if found is None:
        found = Organisation(code="B-DEPT-LG", kind=OrganisationKind.line, name_zh="流管部门", name_en="Migrant Residents Services")
        db.session.add(found)
        db.session.flush()
    return found


def _category() -> Category:
    found = db.session.scalar(sa.select(Category).where(Category.slug == "migrants"))
    if found is None:
        found = Category(name_zh="流动人口服务", name_en="Services for migrant residents", slug="migrants", position=0)
        db.session.add(found)
        db.session.flush()
    return found
