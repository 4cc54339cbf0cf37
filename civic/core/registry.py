"""What a module tells the house about itself, and how the house asks.

A module's manifest `<module>/module.py` builds one `Module`; only `create_app` imports it.  Whatever a page shows is a function
of a `Viewer` and the place she chose.  A feature can be off for the site or for a territory: its navigation, cards, queues,
search, API and jobs vanish, its data and checks stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, current_app

from civic.core import freshness
from civic.core.viewer import Role, Viewer


@dataclass(frozen=True)
class Link:
    """An entry of a navigation, a door of the elder home, a choice on the desk."""

    label: Any
    href: str
    icon: str = ""
    hint: Any = ""
    position: int = 100


@dataclass(frozen=True)
class Card:
    """A part of the home page: a head, a template that draws `values`, a link to everything."""

    title: Any
    template: str
    values: dict[str, Any]
    more: Link | None = None
    position: int = 100


@dataclass(frozen=True)
class Queue:
    """Work that waits at the desk: how much, how much of it is late, where it is done."""

    title: Any
    href: str
    count: int
    late: int = 0
    hint: Any = ""
    position: int = 100


@dataclass(frozen=True)
class Job:
    """Timed work: `run` finds due rows and calls an operation for each; idempotent, committed one item or slice at a time."""

    name: str
    run: Callable[[], Any]
    minutes: int = 0  # every so many minutes, or
    at: str = ""  # local "HH:MM" every day


@dataclass(frozen=True)
class Violation:
    """What `civic check` found: the row by table and id, and what is wrong with it."""

    table: str
    row: int | str
    what: str


@dataclass(frozen=True)
class Check:
    """A named invariant that `civic check` recomputes."""

    name: str
    run: Callable[[], Iterable[Violation]]


@dataclass(frozen=True)
class Seed:
    """Believable data: `demo` (small, for people to look at), `logins` (of the demo; returns them), `district` (bulk, proved by `civic check`)."""

    kind: str
    run: Callable[..., Any]
    position: int = 100


@dataclass(frozen=True)
class Hit:
    """A search result as it is shown."""

    title: Any
    text: Any
    href: str
    meta: str = ""


@dataclass(frozen=True)
class SearchSource:
    """Where results of one kind come from: `show` turns found rows into hits by their result."""

    name: str
    title: Any
    show: Callable[[Sequence[Any]], dict[str, Hit]]


@dataclass(frozen=True)
class Coming:
    """Points on their way to somebody, as far as they can be told before they are booked; amount in hundredths."""

    link: Link
    amount: int
    until: Any  # the moment at which they come without anybody's word, or None


Shown = Callable[[Viewer], Sequence[Any]]
FilePolicy = Callable[[Viewer, Any], bool]
Causes = Callable[[Sequence[str]], dict[str, int]]  # ids → hundredths that was decided, for those that exist and were decided
Sources = Callable[[Sequence[str]], dict[str, Link]]  # ids → links of those that have a page; asked once a page for all of a kind


def _nothing(_viewer: Viewer) -> Sequence[Any]:
    return ()


def _none_coming(_person_ids: Sequence[int]) -> Sequence[Any]:
    return ()


def _no_work(_subject: Any) -> Sequence[Any]:
    return ()


def _no_data(_person_id: int | None, _account_id: int | None) -> Sequence[Any]:
    return ()


def _no_actions(_viewer: Viewer, _person_id: int) -> Sequence[Any]:
    return ()


@dataclass(frozen=True)
class Module:
    """A module's manifest.  Callables are asked per request; tuples are read once by `create_app`."""

    name: str
    title: Any
    is_feature: bool = False
    blueprints: tuple[Blueprint, ...] = ()
    api: tuple[Any, ...] = ()
    cli: tuple[Any, ...] = ()
    jobs: tuple[Job, ...] = ()
    roles: tuple[Role, ...] = ()
    navigation: Shown = _nothing
    elder_doors: Shown = _nothing
    home_cards: Shown = _nothing
    desk_queues: Shown = _nothing
    desk_actions: Shown = _nothing
    search_sources: tuple[Any, ...] = ()
    loaders: tuple[Any, ...] = ()
    file_policy: dict[str, FilePolicy] = field(default_factory=dict)  # kind of owner → may this viewer open this stored file?
    sources: dict[str, Sources] = field(default_factory=dict)  # kind of a cause, as `hours` of `hours:17` → what it is called and its page
    causes: dict[str, Causes] = field(default_factory=dict)  # kind of a decision that grants points, as `care_grant` of `care_grant:17`
    coming: Callable[[Sequence[int]], Sequence[Any]] = _none_coming  # a person's rows → Coming, for the forecast of her wallet
    checks: tuple[Check, ...] = ()
    books: tuple[Any, ...] = ()  # core.closes.Book: whose days are closed
    seeds: tuple[Seed, ...] = ()
    retention: tuple[Job, ...] = ()
    sealed: tuple[Any, ...] = ()  # core.keys.Sealed: its tables with ciphertexts
    receivers: dict[str, Callable[[Sequence[int]], dict[int, Any]]] = field(default_factory=dict)  # kind → core.messages.Contact by id
    message_topics: tuple[Any, ...] = ()  # core.messages.Topic
    open_work: Callable[[Any], Sequence[Any]] = _no_work  # core.openwork.Subject → OpenWork
    personal_data: Callable[[int | None, int | None], Sequence[Any]] = _no_data  # person, account → core.personaldata.DataPart
    person_actions: Callable[[Viewer, int], Sequence[Any]] = _no_actions  # links on the desk's page of a person beside you
    start: tuple[Callable[[Any], None], ...] = ()


@dataclass
class Registry:
    """All modules of this site, from low to high."""

    modules: list[Module] = field(default_factory=list)
    _by_blueprint: dict[str, Module] = field(default_factory=dict)

    def add(self, module: Module) -> None:
        if any(known.name == module.name for known in self.modules):
            raise ValueError(f"module {module.name} is registered twice")
        self.modules.append(module)
        for blueprint in (*module.blueprints, *module.api):
            self._by_blueprint.setdefault(blueprint.name, module)

    def module_of(self, blueprint: str | None) -> Module | None:
        """The module whose blueprint or API a request goes to."""
        return self._by_blueprint.get(blueprint or "")

    def is_off(self, module: Module, place_path: str = "") -> bool:
        """Is the feature off for the whole site, or for the territory of this path?"""
        paths = freshness.switched_off().get(module.name, ()) if module.is_feature else ()
        return any(path == "" or (place_path and place_path.startswith(path)) for path in paths)

    def active(self, place_path: str = "") -> Iterator[Module]:
        return (module for module in self.modules if not self.is_off(module, place_path))

    def ask(self, what: str, viewer: Viewer, place_path: str = "") -> list[Any]:
        """All answers of the active modules to one question, in order of position.  what: navigation, home_cards, …"""
        found = [answer for module in self.active(place_path) for answer in getattr(module, what)(viewer)]
        return sorted(found, key=lambda answer: answer.position)

    def links_of(self, causes: Iterable[str]) -> dict[str, Link]:
        """What stands behind `kind:id` in a book of a lower module, for those whose module is there and on: cause → link."""
        ids: dict[str, list[str]] = {}
        for kind, _colon, id_ in (cause.partition(":") for cause in sorted(set(causes))):
            ids.setdefault(kind, []).append(id_)
        asked = [(kind, show) for module in self.active() for kind, show in module.sources.items() if kind in ids]
        return {f"{kind}:{id_}": link for kind, show in asked for id_, link in show(ids[kind]).items()}

    def coming_to(self, person_ids: Sequence[int]) -> list[Coming]:
        """Points on their way to the person of these rows."""
        return [each for module in self.active() for each in module.coming(person_ids)]

    def decided(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """What the module of this kind, on or off, says of its decisions to grant points: id → hundredths."""
        return next((module.causes[kind](ids) for module in self.modules if kind in module.causes), {})

    def all_of(self, what: str, *, only_active: bool = False, place_path: str = "") -> list[Any]:
        """Everything that the modules list under a name: loaders, jobs, checks, seeds, search_sources.

        place_path: with only_active, what is off in this territory is left out too.
        """
        modules = self.active(place_path) if only_active else iter(self.modules)
        return [entry for module in modules for entry in getattr(module, what)]


def the_registry() -> Registry:
    """The registry of the running application."""
    found: Registry = current_app.extensions["civic"].registry
    return found
