"""Core's own manifest: the working-day calendar as a list, the sealing and tidying jobs, the audit check."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_pgettext as _p

from civic.core import audit, files, idempotency, jobs, keys, misses, notes, tries
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.decrees import HOLIDAYS
from civic.core.load import runs
from civic.core.load.command import load
from civic.core.messages import models as messages
from civic.core.registry import Check, Job, Module, Violation
from civic.core.viewer import Role, Viewer
from civic.core.web import downloads

_TABLES = (keys, notes, messages)  # imported for their tables


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
        ),
        loaders=(HOLIDAYS,),
        file_policy={runs.OWNER: _may_open_list},
        checks=(Check("audit chain", _audit),),
    )
