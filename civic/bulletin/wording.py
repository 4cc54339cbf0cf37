"""What a change of one language does to the state of both: pure, used by announcements and postings alike."""

from __future__ import annotations

from dataclasses import dataclass

from civic.core.wording import TextState


@dataclass(frozen=True)
class Side:
    """One language of a text: title, body, and its state; `volunteer` and `fits` are what the writer ticked.

    volunteer: a volunteer wrote it.  fits: it still says the same as the other language, though only that one was changed.
    """

    title: str
    body: str
    state: TextState = TextState.missing
    volunteer: bool = False
    fits: bool = False

    @property
    def words(self) -> tuple[str, str]:
        return self.title, self.body


def states(old: tuple[Side, Side], new: tuple[Side, Side]) -> tuple[TextState, TextState]:
    """The states of both languages after a change; old and new in the same order."""
    changed = (old[0].words != new[0].words, old[1].words != new[1].words)
    was_there = (old[0].state is not TextState.missing, old[1].state is not TextState.missing)  # a first translation outdates nothing
    first = _state(old[0], new[0], new[1], own=changed[0], other=changed[1] and was_there[1])
    second = _state(old[1], new[1], new[0], own=changed[1], other=changed[0] and was_there[0])
    return first, second


def _state(old: Side, new: Side, beside: Side, *, own: bool, other: bool) -> TextState:
    if not new.title or (beside.body and not new.body):
        return TextState.missing
    written = TextState.volunteer if new.volunteer else TextState.official
    if own or old.state is TextState.missing:
        return written
    if new.fits:
        return written
    return TextState.outdated if other and beside.title else old.state
