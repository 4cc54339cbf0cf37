"""Core's own manifest: the working-day calendar as a list, the sealing and tidying jobs, the audit check."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_pgettext as _p

from civic.core import audit, files, idempotency, jobs, misses, notes, rekey_check, reports, tries
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.decrees import HOLIDAYS
from civic.core.keys import Sealed
from civic.core.load import runs
from civic.core.load import sealed as load_sealed
from civic.core.load.command import load
from civic.core.messages import inbox, outbox, sending
from civic.core.messages import models as messages
from civic.core.registry import Check, Job, Module, Violation
from civic.core.viewer import Role, Viewer
from civic.core.web import downloads

SEALED = (
    Sealed(notes.SealedNote, {"sealed": notes.PURPOSE}),
    Sealed(messages.Message, {"sealed": sending.PURPOSE}),
    Sealed(messages.Delivery, {"address": sending.ADDRESS}),
    Sealed(idempotency.IdempotencyKey, {"answer": idempotency.PURPOSE}),
    Sealed(tries.TryCount, {}, hash_columns=("subject",), kept_by="counts of wrong tries, gone within two days"),
    Sealed(
        misses.SearchMiss, {}, hash_columns=("words",), kept_by="words searched in vain on one or two days, gone when the month is over"
    ),
    *load_sealed.SEALED,
)


def _forget_keys() -> None:
    with atomic():
        idempotency.forget_old(db.session())


def _audit() -> Iterator[Violation]:
    return (Violation(*found) for found in audit.check())


def _may_open_list(viewer: Viewer, _file: files.StoredFile) -> bool:
    """Files of a load that is still open: administrators."""
    return viewer.has_role(Role.administrator)


def manifest() -> Module:
    return Module(
        name="core",
        title=_p("module", "Site"),
        blueprints=(downloads.bp,),
        cli=(load,),
        jobs=(
            Job("audit-seal", audit.seal, minutes=1),
            Job("audit-seal-all", audit.seal_all, at="03:05"),
            Job("load-resume", runs.resume_open, minutes=1),
            Job("remove-orphan-files", files.remove_orphans, at="03:40"),
            Job("forget-keys", _forget_keys, at="03:10"),
            Job("forget-job-runs", jobs.forget_old, at="03:20"),
            Job("forget-tries", tries.forget_old, at="03:25"),
            Job("forget-search-misses", misses.forget_old, at="03:30"),
            Job("messages-deliver", outbox.deliver, minutes=1),
        ),
        retention=(Job("messages-retention", inbox.empty_old, at="03:50"),),
        sealed=SEALED,
        loaders=(HOLIDAYS,),
        file_policy={runs.OWNER: _may_open_list},
        checks=(Check("audit chain", _audit), Check("sealed fields", rekey_check.unopened), Check("reports", reports.check)),
    )
