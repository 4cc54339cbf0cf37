"""Two small sibling features that only the tests know: the guards switch them off and let them hear each other.

Pigeons also carry one view for each behaviour of core's web layer: doors with every mark and one without, a reading page, a form
with a key, views that refuse, break or meet a locked database.  What they write are rows of `site_mark`, so that they need no table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from blinker import Namespace
from flask import Blueprint, current_app, flash, render_template_string, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import FileField, StringField, TextAreaField

from civic.core import audit, search
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError, TooManyTries
from civic.core.registry import Card, Check, Hit, Job, Link, Module, Queue, SearchSource, Violation
from civic.core.site import SiteMark
from civic.core.viewer import Actor, Role, Viewer
from civic.core.web.access import public, signed_in, staff
from civic.core.web.api import ApiBlueprint
from civic.core.web.forms import Form, Length, keyed, refuse
from civic.core.web.pagecache import reading

# ---- signals.py of pigeons: what a sibling may hear -------------------------------------------------------------------------
#: sender: the pigeon's name; arguments: actor; sent inside the transaction, before its end
pigeon_landed = Namespace().signal("pigeon-landed")
KEEPER = Actor(None, job="pigeons")


class LoftFull(DomainError):
    """There is no room for another pigeon."""

    code = "loft_full"
    sentence = _l("The loft has room for %(room)s pigeons.")


class SkyFull(DomainError):
    """The kites' own rule, which speaks while a pigeon lands."""

    code = "sky_full"
    sentence = _l("There is no room in the sky.")


# ---- operations.py of pigeons and kites -------------------------------------------------------------------------------------
def land(actor: Actor, name: str) -> str:
    """Let a pigeon land.  Raises LoftFull for a crow.  Sends `pigeon_landed` inside the transaction."""
    with atomic() as tx:
        if name == "crow":
            raise LoftFull(room=3, field="name")
        db.session.add(SiteMark(name=f"pigeon:{name}", value="1"))
        db.session.flush()
        audit.record(actor, "land_pigeon", "site_mark", 1)
        pigeon_landed.send(name, actor=actor)
        tx.touch("pigeons")
        tx.result = name
    return name


def fly(actor: Actor, name: str) -> None:
    """Let a kite fly beside a pigeon.  Raises SkyFull for an eagle."""
    with atomic():
        if name == "eagle":
            raise SkyFull
        db.session.add(SiteMark(name=f"kite:{name}", value=str(actor.job or actor.account_id)))


# ---- listeners.py of kites --------------------------------------------------------------------------------------------------
@pigeon_landed.connect
def _a_kite_rises(name: str, actor: Actor, **_: Any) -> None:
    if name in {"dove", "eagle"}:
        fly(actor, name)


def marks(kind: str) -> list[str]:
    """Names of the pigeons or kites there are."""
    return sorted(db.session.scalars(sa.select(SiteMark.name).where(SiteMark.name.startswith(f"{kind}:"))))


# ---- forms.py and views.py --------------------------------------------------------------------------------------------------
class LandForm(Form):
    """One name, a few words, a picture."""

    name = StringField(_l("Name of the pigeon"), [Length(20)])
    words = TextAreaField(_l("What it brings along"))
    picture = FileField(_l("A picture of it"))


PAGE = '{% from "components/forms.html" import form_frame, field, submit %}<!doctype html><html lang="en"><title>{{ head }}</title><h1>{{ head }}</h1>'
FORM = (
    PAGE + "{% call form_frame(form, upload=True) %}{{ field(form.name) }}{{ field(form.words) }}"
    "{{ field(form.picture) }}{{ submit('Land') }}{% endcall %}"
)


def page_named(head: str) -> str:
    return render_template_string(PAGE, head=head)


def _doors(bp: Blueprint) -> None:
    """One view for each mark, and one that somebody forgot to mark."""

    @bp.get("/mine")
    @signed_in
    def mine() -> str:
        return page_named("mine")

    @bp.get("/loft")
    @staff(Role.manager, Role.town)
    def loft() -> str:
        return page_named("loft")

    @bp.get("/unmarked")
    def unmarked() -> str:
        return page_named("unmarked")


def _pages(bp: Blueprint) -> None:
    @bp.get("/board")
    @public
    def board() -> str:
        """A reading page: it shows all pigeons, and a flock when one is asked for."""
        reading("pigeons", args=("flock",))
        current_app.extensions["pigeons-drawn"] = current_app.extensions.get("pigeons-drawn", 0) + 1
        flock = request.args.get("flock", "")
        return render_template_string(
            PAGE + "<p>{{ names|join(', ') }}</p><p>{{ flock }} {{ lang }} {{ mode }}</p>{{ long }}",
            head="board",
            names=marks("pigeon"),
            flock=flock,
            long="coo " * 400,
        )

    @bp.get("/closing")
    @public
    def closing() -> str:
        """A reading page that is true until a moment only, or that fails after it was declared."""
        reading("pigeons", fresh_until=current_app.extensions.get("pigeons-until"), args=("gone", "cookie"))
        if request.args.get("gone"):
            raise LoftFull(room=0)
        if request.args.get("cookie"):
            flash("coo")
        current_app.extensions["pigeons-drawn"] = current_app.extensions.get("pigeons-drawn", 0) + 1
        return page_named("closing")


def _forms(bp: Blueprint) -> None:
    @bp.route("/land", methods=["GET", "POST"])
    @public
    def land_one() -> ResponseReturnValue:
        form, status = LandForm(), 200
        if form.validate_on_submit():
            try:
                with keyed(form, to=lambda name: f"/pigeons/landed/{name}"):
                    name = land(KEEPER, form.name.data or "")
            except DomainError as refusal:
                status = refuse(form, refusal)
            else:
                return "", 303, {"Location": f"/pigeons/landed/{name}"}
        elif form.is_submitted():
            status = 422
        return render_template_string(FORM, head="land", form=form), status

    @bp.get("/landed/<name>")
    @public
    def landed(name: str) -> str:
        return page_named(name)


def _faults(bp: Blueprint) -> None:
    @bp.get("/refused")
    @public
    def refused() -> str:
        raise LoftFull(room=3)

    @bp.get("/tired")
    @public
    def tired() -> str:
        raise TooManyTries(minutes=7)

    @bp.get("/broken")
    @public
    def broken() -> str:
        raise ZeroDivisionError("a secret in the message")

    @bp.post("/meeting/<int:times>/<word>")
    @public
    def meeting(times: int, word: str) -> ResponseReturnValue:
        """Meets a conflict so many times; the file it got is read to the end each time."""
        seen: list[bytes] = current_app.extensions.setdefault("pigeons-seen", [])
        file = request.files.get("picture")
        seen.append(file.read() if file else b"")
        with keyed(LandForm(), to=lambda name: f"/pigeons/landed/{name}"), atomic() as tx:
            db.session.execute(sa.text("SELECT 1"))
            if len(seen) <= times:
                raise sa.exc.OperationalError("SELECT 1", {}, Exception(word))
            tx.result = "dove"
        return f"{len(seen)}"


def _api(name: str) -> ApiBlueprint:
    resource = ApiBlueprint(f"{name}_api", __name__)

    @resource.get(f"/{name}")
    @public
    @resource.response(200)
    def birds() -> Any:
        return {"items": [], "total": 0, "next": None}

    @resource.get(f"/{name}/refused")
    @public
    @resource.response(200)
    def refused() -> Any:
        raise LoftFull(room=3, who=SiteMark)

    @resource.post(f"/{name}")
    @public
    @resource.response(201)
    def post() -> Any:
        return {}

    return resource


def _hits(found: Sequence[search.Found]) -> dict[str, Hit]:
    return {f.result: Hit(f.result, "", "/") for f in found}


def _feature(name: str, title: object) -> Module:
    blueprint = Blueprint(name, __name__, url_prefix=f"/{name}")

    @blueprint.get("/")
    @public
    def home() -> str:
        return page_named(name)

    if name == "pigeons":
        _doors(blueprint)
        _pages(blueprint)
        _forms(blueprint)
        _faults(blueprint)

    def link(_viewer: Viewer) -> list[Link]:
        return [Link(title, f"/{name}/", "doc", position=30)]

    def check() -> Iterator[Violation]:
        """A pigeon called `stray` is wrong; its check runs while the feature is off."""
        yield from (Violation("site_mark", mark, "is a stray") for mark in marks(name.removesuffix("s")) if mark.endswith(":stray"))

    return Module(
        name=name,
        title=title,
        is_feature=True,
        blueprints=(blueprint,),
        api=(_api(name),),
        jobs=(Job(f"{name}-job", lambda: None, minutes=1),),
        navigation=link,
        elder_doors=link,
        home_cards=lambda _viewer: [Card(title, "components/icon.html", {})],
        desk_queues=lambda _viewer: [Queue(title, f"/{name}/", 1)],
        desk_actions=link,
        search_sources=(SearchSource(name, title, _hits),),
        checks=(Check(name, check),),
    )


def modules() -> tuple[Module, ...]:
    """Fresh manifests: a blueprint is registered once per application."""
    return _feature("pigeons", _l("Pigeons of the roofs")), _feature("kites", _l("Kites over the roofs"))
