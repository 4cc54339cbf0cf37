"""Which list a file is, by the names of its columns; and when it is none, which one is nearest and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask_babel import lazy_gettext as _l

from civic.core.i18n import join_words
from civic.core.load.frames import Table
from civic.core.load.kinds import Loader
from civic.core.load.mapping import FEWEST, folded, header_hash, is_data, known_titles

NEAR = 0.3  # share of equal columns from which a kind is worth naming


class Recogniser:
    """Knows the loaders of the running site."""

    def __init__(self, loaders: Iterable[Loader], remembered: frozenset[str] = frozenset()) -> None:
        """remembered: hashes of the headers that somebody matched by hand."""
        self.loaders = sorted(loaders, key=lambda loader: (loader.order, loader.kind))
        self._remembered = remembered
        self._titles = known_titles(self.loaders)

    def score(self, names: Sequence[str]) -> float:
        """How well names fit the nearest kind: equal columns, then the share of them; 0 = not at all."""
        found = set(names) - {""}
        own = max((len(found & _all(loader)) + _nearness(found, loader) for loader in self.loaders if found & _all(loader)), default=0)
        return own or self._foreign(names)

    def _foreign(self, names: Sequence[str]) -> float:
        """Titles of other programs (姓名, 房号) make a header too, but a weaker one than our own names: at most 1."""
        if self._remembered and header_hash(names) in self._remembered:
            return 1
        known = sum(folded(name) in self._titles for name in set(names))
        return known / (known + 1) if known >= FEWEST else 0

    def kind_of(self, table: Table) -> Loader | str:
        """The loader of a table, or a sentence that says why there is none."""
        double = sorted({n for n in table.header if n and table.header.count(n) > 1})
        if double:
            return str(_l("The column %(columns)s stands more than once.")) % {"columns": join_words(double)}
        names, idle = _used_names(table), _idle_names(table)
        fitting = [loader for loader in self.loaders if loader.header <= names and names - idle <= _all(loader)]
        most = max((_fit(names, loader) for loader in fitting), default=None)
        best = [loader for loader in fitting if _fit(names, loader) == most]
        if len(best) == 1:
            return best[0]
        if best:
            titles = join_words([str(loader.title) for loader in best])
            return str(_l("The columns fit several lists (%(lists)s); add a column that tells them apart.")) % {"lists": titles}
        return self._nearest(names, idle)

    def _nearest(self, names: set[str], idle: set[str]) -> str:
        near = max(self.loaders, key=lambda loader: _nearness(names, loader), default=None)
        if near is None or _nearness(names, near) < NEAR:
            return str(_l("The columns of this file belong to no list that the site knows: %(columns)s.")) % {
                "columns": join_words(sorted(_shown(n) for n in names)[:12])
            }
        missing, strange = sorted(near.header - names), sorted(_shown(n) for n in names - idle - _all(near))
        words = {"kind": near.title, "missing": join_words(missing), "strange": join_words(strange)}
        if missing and strange:
            sentence = _l(
                "This looks like the list “%(kind)s”, but these columns are missing: %(missing)s; and these are not known: %(strange)s."
            )
        elif missing:
            sentence = _l("This looks like the list “%(kind)s”, but these columns are missing: %(missing)s.")
        else:
            sentence = _l("This looks like the list “%(kind)s”, but these columns are not known: %(strange)s.")
        return str(sentence) % words


def _shown(name: str) -> str:
    """A column name for a sentence; one with many digits is no title but somebody's number: a list without its header."""
    return "…" if is_data(name) else name[:40]


def _all(loader: Loader) -> set[str]:
    return {column.name for column in loader.columns}


def _nearness(names: set[str], loader: Loader) -> float:
    """Shared names : all names of both, optional ones counted only where they stand."""
    columns = _all(loader)
    return len(names & columns) / max(1, len(names | loader.header))


def _fit(names: set[str], loader: Loader) -> tuple[bool, int]:
    """Of several fitting kinds the one without a foreign column, then the one with more obligatory columns."""
    return names <= _all(loader), len(loader.header)


def _idle_names(table: Table) -> set[str]:
    """Columns in which no row has anything; a file without rows has none, or a wrong header would pass."""
    if not table.rows:
        return set()
    return {name for at, name in enumerate(table.header) if name and all(row[at] in (None, "") for _, row in table.rows)}


def _used_names(table: Table) -> set[str]:
    """The names of columns; a nameless column counts, as its letter, only when it holds something."""
    names = {name for name in table.header if name}
    for at, name in enumerate(table.header):
        if not name and any(row[at] not in (None, "") for _, row in table.rows):
            names.add(str(_l("(column %(number)s without a name)")) % {"number": at + 1})
    return names
