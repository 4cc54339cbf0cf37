"""Refusals of loading."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import DomainError


class LoadBusy(DomainError):
    """Another load runs: `by` says who began it, `since` when."""

    code, status = "load_busy", 409
    sentence = _l("Another load is running, begun by %(by)s at %(since)s. Wait until it has ended.")


class LoadStopped(DomainError):
    """An error stopped a load that had begun to write: it can be resumed, and nothing else can be loaded before it ends."""

    code, status = "load_stopped", 503
    sentence = _l(
        "The load stopped after %(done)s of %(total)s rows (%(problem)s). It goes on from there by itself or with the next load; until then the lists are only partly updated."
    )


class LeaseLost(DomainError):
    """This process was silent for too long and another one took the load over."""

    code, status = "load_taken_over", 409
    sentence = _l("Another process has taken this load over.")
