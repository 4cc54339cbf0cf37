"""The one process that runs timed jobs; web workers never do.  APScheduler decides when, core/jobs.py leases and records."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask

from civic.core import clock, jobs
from civic.core.registry import Job, Registry

log = logging.getLogger(__name__)


def all_jobs(registry: Registry) -> list[Job]:
    """The jobs of the active modules, retention too, by name."""
    return sorted([*registry.all_of("jobs", only_active=True), *registry.all_of("retention")], key=lambda job: job.name)


def build(app: Flask) -> BlockingScheduler:
    """A scheduler with every job; each run opens an application context of its own."""
    scheduler = BlockingScheduler(timezone=clock.zone(), job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600})
    registry: Registry = app.extensions["civic"].registry
    for module in registry.modules:
        for job in (*module.jobs, *module.retention):
            scheduler.add_job(_runner(app, registry, module, job), _trigger(job), id=job.name, replace_existing=True)
    return scheduler


def _trigger(job: Job) -> Any:
    if job.at:
        hour, minute = job.at.split(":")
        return CronTrigger(hour=int(hour), minute=int(minute), timezone=clock.zone())
    return IntervalTrigger(minutes=job.minutes, timezone=clock.zone())


def _runner(app: Flask, registry: Registry, module: Any, job: Job) -> Callable[[], None]:
    def run() -> None:
        with app.app_context():
            if registry.is_off(module) and job not in module.retention:
                return
            try:
                jobs.run_job(job)
            except Exception:
                log.warning("job %s failed; it is recorded and runs again at its time", job.name)

    return run
