"""The `civic` command: Flask's own group with the application preset.

Exit codes: 0 done, 1 the check found a fault or the work failed, 2 wrong usage or settings.
"""

from __future__ import annotations

import sys

from flask import Flask
from flask.cli import FlaskGroup

from civic.app import create_app
from civic.commands.checking import check, i18n
from civic.commands.closing import close_days
from civic.commands.demo import demo, demo_settings, seed
from civic.commands.keys import keys_group
from civic.commands.serving import jobs_group, run_scheduler, serve
from civic.config import ConfigurationError


def _make() -> Flask:
    """The application; `civic demo` brings its own keys."""
    settings = demo_settings() if sys.argv[1:2] == ["demo"] else None
    app = create_app(settings)
    for command in (check, close_days, demo, i18n, jobs_group, keys_group, run_scheduler, seed, serve):
        app.cli.add_command(command)
    return app


group = FlaskGroup(
    create_app=_make, help="Civic: the site of a district and its neighbourhoods.", add_version_option=False, load_dotenv=False
)


def main() -> None:
    try:
        group.main(prog_name="civic")
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
