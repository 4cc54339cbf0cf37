"""What the program tells its operator: one line an event, as text for people or JSON for machines, with the request's id.

No personal values: messages name ids and kinds, never what somebody typed.  CIVIC_LOG_FORMAT chooses the form.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from flask import g, has_request_context


def _request_id(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Which request a line belongs to."""
    if has_request_context() and "request_id" in g:
        event["request"] = g.request_id
    return event


def init_logs(form: str) -> None:
    """Send all loggers of the process to standard error.  form: `text` or `json`."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _request_id,
        structlog.processors.format_exc_info,
    ]
    last = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
