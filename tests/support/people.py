"""Builders of `people` for the tests: homes, resident numbers with their check digit, people as the desk would record them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from flask import Flask
from stdnum.iso7064 import mod_11_2

from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.openwork import OpenWork, Subject
from civic.core.registry import Module
from civic.core.viewer import Actor
from civic.people import operations
from civic.people.models import ContactKind, DocumentKind, HomeRelation, Person, PersonSource
from civic.people.operations import NewContact, NewDocument, NewHome
from civic.people.records import Record
from civic.territory.models import Building, Home, Territory, TerritoryKind

CLERK = Actor(1)
COLLEAGUE = Actor(2)


def resident_number(birth: str = "1958-03-04", order: int = 271, place: str = "440113") -> str:
    """A number with a fitting check digit; `order` odd for men.  Invented: no such card was issued for these tests."""
    digits = f"{place}{birth.replace('-', '')}{order:03d}"
    return digits + str(mod_11_2.calc_check_digit(digits))


def resident_card(birth: str = "1958-03-04", order: int = 271, **values: Any) -> NewDocument:
    return NewDocument(DocumentKind.resident_card, resident_number(birth, order), **values)


def phone(address: str = "13800138000", *, confirmed: bool = False) -> NewContact:
    return NewContact(ContactKind.phone, address, confirmed)


@pytest.fixture
def make_home(site: Flask, make_territory: Callable[..., Territory]) -> Callable[..., Home]:
    """`make_home(community)`: a home in a building in a grid of this community."""
    numbers = count(1)

    def make(place: Territory, room: str = "301") -> Home:
        number = next(numbers)
        grid = make_territory(
            TerritoryKind.grid, place, code=f"{place.code}{number:03d}", name_zh=f"第{number}网格", name_en=f"Grid {number}"
        )
        with atomic():
            building = Building(
                code=f"B-{place.code}-{number}", grid_id=grid.id, street_zh="榕荫里", street_en="Rongyin Lane", number=str(number)
            )
            db.session.add(building)
            db.session.flush()
            home = Home(building_id=building.id, room=room)
            db.session.add(home)
        return home

    return make


@pytest.fixture
def place(make_community: Callable[..., Territory]) -> Territory:
    """One community for tests that need no second one."""
    return make_community()


@pytest.fixture
def make_person(site: Flask, place: Territory) -> Callable[..., Person]:
    """`make_person("王芳", birth="1958-03-04", home=…, place=…, documents=[…], contacts=[…])`"""

    def make(
        name: str = "王芳",
        birth: str = "1958-03-04",
        home: Home | None = None,
        place: Territory = place,
        documents: Any = (),
        contacts: Any = (),
        second_name: str = "",
        **more: Any,
    ) -> Person:
        homes = [NewHome(HomeRelation.lives_in, home.id)] if home is not None else []
        return operations.create_person(
            CLERK,
            place.id,
            Record(name, second_name, birth),
            source=PersonSource.desk,
            documents=documents,
            contacts=contacts,
            homes=homes,
            **more,
        )

    return make


@pytest.fixture
def answering(site: Flask) -> Any:
    """`answering(objects=True, sentence="…")`: a module that has open work of everybody, until the test ends.  Returns what it was asked."""
    modules = site.extensions["civic"].registry.modules
    before = list(modules)

    def begin(*, objects: bool = False, sentence: str = "The hours overlap.") -> list[Subject]:
        asked: list[Subject] = []

        def open_work(subject: Subject) -> list[OpenWork]:
            asked.append(subject)
            return [OpenWork("2 hours", sentence, 2, "/hours", objects)]

        modules.append(Module("answering", "Answering", open_work=open_work))
        return asked

    yield begin
    modules[:] = before
