"""Where the folders beside the package lie: in a checkout next to `civic/`, in a wheel under `civic/_data/`."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
ROOT = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
TRANSLATIONS = ROOT / "translations"
MIGRATIONS = ROOT / "migrations"
DATA = ROOT / "data"
VERIFY = ROOT / "verify"
