"""Search without a segmenter: one- and two-character tokens of Chinese, words of English, initials of pinyin.

Modules write their rows inside the operation (`put`, `drop`); one `Result` may have several rows.  The engine (FTS5 or
tsvector) only finds at most 500 candidates, the ranking is ours and the same on both databases.  On 20,000 documents the
counts equal a true substring search in both engines; FTS5's own tokenizer finds no two-character Chinese word at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.db import Model, db, intpk, is_sqlite, upsert

MOST_CANDIDATES = 500
LONGEST_QUERY = 60  # characters; longer ones are cut, a sentence still finds
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
PARTS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+|[a-z0-9]+")
STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "do",
        "for",
        "from",
        "get",
        "have",
        "help",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "me",
        "my",
        "need",
        "of",
        "on",
        "or",
        "the",
        "to",
        "want",
        "what",
        "where",
        "who",
        "with",
        "you",
        "your",
    ]
)
STOP_ZH = re.compile(r"(我想|我要|怎么|如何|怎样|哪里|在哪|办理|申请|申领|可以|需要|一下|请问|帮我|呢|吗|的|了)")


class SearchRow(Model):
    """One indexed text: of which source and result, its title, the words people say, its body; tokens for the engine."""

    __tablename__ = "search_row"
    __table_args__ = (sa.UniqueConstraint("source", "result", "part", "lang"),)
    id: Mapped[intpk]
    source: Mapped[str] = mapped_column(sa.String(30))
    result: Mapped[str] = mapped_column(sa.String(60), comment="public id or code of what is found")
    part: Mapped[str] = mapped_column(sa.String(30), default="")
    lang: Mapped[str] = mapped_column(sa.String(2))
    territory: Mapped[str] = mapped_column(sa.String(200), default="", comment="path; '' = everywhere")
    title: Mapped[str] = mapped_column(sa.String(300))
    words: Mapped[str] = mapped_column(sa.Text, comment="one phrase a line")
    body: Mapped[str] = mapped_column(sa.Text)
    initials: Mapped[str] = mapped_column(sa.Text, comment="initials of title and phrases, one a line")
    tokens: Mapped[str] = mapped_column(sa.Text)


@dataclass(frozen=True)
class Found:
    """A result with its score and the phrase that matched ('' = the title or body did)."""

    source: str
    result: str
    score: float
    phrase: str


def normal(text: str) -> str:
    """Lower case, full-width letters narrow, accents gone from Latin letters."""
    text = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def stem(word: str) -> str:
    """English plural, -ed and -ing endings and the e before them, coarse and the same for text and query.

    `allowance`, `allowances` → `allowanc`; `box`, `boxes` → `box`; `house`, `housing` → `hous`; `subsidies` → `subsidy`.
    """
    for end, least in (("ies", 5), ("ied", 5), ("ing", 6), ("es", 6), ("ed", 6), ("s", 4)):
        if word.endswith(end) and len(word) >= least and not word.endswith("ss"):
            word = word[: -len(end)] + ("y" if end in {"ies", "ied"} else "")
            break
    return word[:-1] if word.endswith("e") and len(word) >= 4 else word


def tokens_of(text: str) -> list[str]:
    """One- and two-character tokens of Chinese runs, stems of other words."""
    found: list[str] = []
    for part in PARTS.findall(normal(text)):
        if HAN.match(part):
            found += list(part) + [part[i : i + 2] for i in range(len(part) - 1)]
        else:
            found.append(stem(part))
    return found


@lru_cache(maxsize=8192)
def _token_set(text: str) -> frozenset[str]:
    """Tokens of an indexed text, remembered: the same titles and bodies are ranked for every question."""
    return frozenset(tokens_of(text))


def query_tokens(text: str) -> list[str]:
    """Tokens of a question: pairs where a run has two characters or more, words that carry meaning."""
    found: list[str] = []
    for part in PARTS.findall(normal(text)):
        if HAN.match(part):
            kept = STOP_ZH.sub(" ", part).split() or [part]
            for run in kept:
                found += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
        elif part not in STOP:
            found.append(stem(part))
    return list(dict.fromkeys(found or tokens_of(text)))


@lru_cache(maxsize=4096)
def initials_of(text: str) -> str:
    """`居住证` → `jzz`; '' when there is no Chinese in it."""
    return _letters(text, first_only=True)


@lru_cache(maxsize=4096)
def pinyin_of(text: str) -> str:
    """`居住证` → `juzhuzheng`."""
    return _letters(text, first_only=False)


def _letters(text: str, *, first_only: bool) -> str:
    """The Chinese of a text in Latin letters, of each sign the whole sound or its first letter."""
    runs = "".join(HAN.findall(text))
    if not runs:
        return ""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 - its tables take 57 MB, and most commands and jobs index nothing

    return "".join(lazy_pinyin(runs, style=Style.FIRST_LETTER if first_only else Style.NORMAL)).lower()


def _latin_tokens(phrases: Iterable[str]) -> set[str]:
    """What somebody types who cannot type Chinese: windows of 2 to 8 initials (marked `zz`), whole phrases in pinyin."""
    found: set[str] = set()
    for phrase in phrases:
        letters = initials_of(phrase)
        found |= {f"zz{letters[i : i + n]}" for n in range(2, 9) for i in range(len(letters) - n + 1)}
        if letters and len(phrase) <= 8:
            found.add(pinyin_of(phrase))
    return found


def put(
    source: str, result: str, lang: str, *, title: str, phrases: Sequence[str] = (), body: str = "", part: str = "", territory: str = ""
) -> None:
    """Write or replace one row; call it inside the operation that changes the text."""
    every = [title, *phrases]
    tokens = dict.fromkeys(tokens_of("\n".join([*every, body])))
    if lang == "zh":
        tokens |= dict.fromkeys(sorted(_latin_tokens(every)))
    values = {
        "territory": territory,
        "title": title,
        "words": "\n".join(phrases),
        "body": body,
        "initials": "\n".join(initials_of(p) for p in every) if lang == "zh" else "",
        "tokens": " ".join(tokens),
    }
    statement = upsert(SearchRow.__table__).values(source=source, result=result, part=part, lang=lang, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["source", "result", "part", "lang"], set_=values))


def drop(source: str, result: str) -> None:
    """Take everything of a result out of the index."""
    db.session.execute(sa.delete(SearchRow).where(SearchRow.source == source, SearchRow.result == result))


def find(text: str, *, sources: Sequence[str] = (), territory: str = "", below: bool = False) -> list[Found]:
    """Results for what somebody typed, best first.

    territory: path of her community; rows of other ones are left out.  below: everything inside this territory instead.
    """
    text = text.strip()[:LONGEST_QUERY]
    tokens = query_tokens(text)
    if not tokens:
        return []
    letters = re.sub(r"[^a-z]", "", normal(text)) if not HAN.search(text) else ""
    wanted = [*tokens, *([f"zz{letters}", letters] if 2 <= len(letters) <= 30 else [])]
    best: dict[tuple[str, str], Found] = {}
    for row in _candidates(wanted, sources, territory, below=below):
        score, phrase = _score(row, normal(text), tokens, letters)
        known = best.get((row.source, row.result))
        if score > (known.score if known else 0):
            best[row.source, row.result] = Found(row.source, row.result, score, phrase)
    ranked = sorted(best.values(), key=lambda f: (-f.score, f.source, f.result))
    least = ranked[0].score * 0.2 if ranked else 0
    return [f for f in ranked if f.score >= least]


def _candidates(tokens: list[str], sources: Sequence[str], territory: str, *, below: bool) -> Sequence[Any]:
    table = SearchRow.__table__
    chosen = sa.select(table.c.source, table.c.result, table.c.title, table.c.words, table.c.body, table.c.initials)
    if is_sqlite():
        index = sa.table("search_index", sa.column("rowid"), sa.column("rank"))
        asked = " OR ".join('"' + t.replace('"', "") + '"' for t in tokens)
        chosen = (
            chosen.join(index, index.c.rowid == table.c.id)
            .where(sa.text("search_index MATCH :asked").bindparams(asked=asked))
            .order_by(index.c.rank)
        )
    else:
        vector: Any = sa.literal_column("search_row.vector")  # generated and stored: ranking would build it again for every row
        words = sa.cast(" | ".join(f"'{t}'" for t in tokens), TSQUERY)  # as it stands: no parser of PostgreSQL's reads it
        chosen = chosen.where(vector.op("@@", return_type=sa.Boolean)(words)).order_by(sa.func.ts_rank(vector, words).desc())
    if sources:
        chosen = chosen.where(table.c.source.in_(sources))
    if below:
        chosen = chosen.where(table.c.territory.startswith(territory, autoescape=True))
    else:
        chosen = chosen.where(sa.or_(table.c.territory == "", sa.literal(territory).like(table.c.territory + "%")))
    return db.session.execute(chosen.limit(MOST_CANDIDATES)).all()


def _score(row: Any, asked: str, tokens: list[str], letters: str) -> tuple[float, str]:
    """How well a row answers.  An exact everyday word counts 100, the title's own words 60, a share of the tokens up to 40."""
    title, phrases = normal(row.title), [normal(p) for p in row.words.split("\n") if p]
    best, which = 0.0, ""
    for phrase in phrases:
        points = _phrase_points(phrase, asked, tokens)
        if points > best:
            best, which = points, phrase
    in_title = 60.0 if asked in title and len(asked) > 1 else 0.0
    title_tokens, body_tokens = _token_set(row.title), _token_set(row.body)
    coverage = sum(1.0 if t in title_tokens else 0.35 if t in body_tokens else 0.0 for t in tokens) / len(tokens)
    score = max(best, in_title) + 40 * coverage + (3.0 if title == asked else 0.0) - 0.02 * len(title)
    if letters:
        latin, phrase = _latin_points(row, letters, phrases)
        if latin > score:
            return latin, phrase
    if best == 0 and in_title == 0 and coverage < 0.34:
        return 0.0, ""
    return score, which if best > in_title else ""


def _phrase_points(phrase: str, asked: str, tokens: list[str]) -> float:
    if phrase == asked:
        return 100.0
    own = _token_set(phrase)
    shared = sum(1 for t in tokens if t in own)
    if not shared:
        return 0.0
    if shared == len(tokens):  # the phrase says all that was asked; the closer in length the better
        return 60.0 + 25.0 * min(1.0, len(tokens) / max(1, len(query_tokens(phrase))))
    if phrase in asked and len(phrase) > 1:  # somebody wrote a sentence around the word
        return 70.0
    return 45.0 * (shared / len(tokens)) ** 2


def _latin_points(row: Any, letters: str, phrases: list[str]) -> tuple[float, str]:
    lines = row.initials.split("\n") if row.initials else []
    if not lines:
        return 0.0, ""
    for line, phrase in zip(lines[1:], phrases, strict=False):
        if letters == line or letters == pinyin_of(phrase):
            return 95.0, phrase
    return (55.0 if letters in lines[0] else 40.0 if any(letters in line for line in lines) else 0.0), ""


def create_index(bind: Any) -> None:
    """SQLite's full-text table and the triggers that feed it; PostgreSQL's index of the tokens.  For migrations."""
    if bind.dialect.name != "sqlite":
        # The tokens as they are: to_tsvector drops every sign that the server's C library does not know, so that on Debian 12 nobody
        # with the rare 𱍋 (Unicode 15) in her name was found.
        tokens = "array_to_tsvector(string_to_array(tokens, ' '))"
        bind.execute(sa.text(f"ALTER TABLE search_row ADD COLUMN vector tsvector GENERATED ALWAYS AS ({tokens}) STORED"))
        bind.execute(sa.text("CREATE INDEX ix_search_row_vector ON search_row USING gin (vector)"))
        return
    for statement in (
        "CREATE VIRTUAL TABLE search_index USING fts5(tokens, content='search_row', content_rowid='id', tokenize=\"unicode61 categories 'L* N* Co S*'\")",
        "CREATE TRIGGER search_row_ai AFTER INSERT ON search_row BEGIN INSERT INTO search_index(rowid, tokens) VALUES (new.id, new.tokens); END",
        "CREATE TRIGGER search_row_ad AFTER DELETE ON search_row BEGIN INSERT INTO search_index(search_index, rowid, tokens) VALUES ('delete', old.id, old.tokens); END",
        (
            "CREATE TRIGGER search_row_au AFTER UPDATE ON search_row BEGIN INSERT INTO search_index(search_index, rowid, tokens) VALUES ('delete', old.id, old.tokens);"
            " INSERT INTO search_index(rowid, tokens) VALUES (new.id, new.tokens); END"
        ),
    ):
        bind.execute(sa.text(statement.replace(":", r"\:")))


def drop_index(bind: Any) -> None:
    sqlite = "DROP TABLE IF EXISTS search_index"
    bind.execute(sa.text(sqlite if bind.dialect.name == "sqlite" else "ALTER TABLE search_row DROP COLUMN IF EXISTS vector"))
