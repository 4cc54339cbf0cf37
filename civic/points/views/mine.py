"""My points: what is there, every line that led to it, what is set aside or expires, and giving some away.

The first page is open to everybody: a visitor and somebody who has none yet read how points come about.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext
from wtforms import SelectChoice

from civic.core import clock, fonts
from civic.core.errors import DomainError
from civic.core.i18n import format_day
from civic.core.registry import the_registry
from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import public, signed_in
from civic.core.web.forms import keyed, refuse
from civic.people import queries as people
from civic.points import amounts, queries, statement
from civic.points.errors import NotEnoughPoints
from civic.points.forms.gifts import GiftForm
from civic.points.models import WalletKind, WalletState
from civic.points.operations.donations import Way, give, giver_of, left_after, ways_of
from civic.points.queries import Mine, WalletView
from civic.points.statement import Asked, Cursor, Side, files, shown

bp = Blueprint("points", __name__, url_prefix="/points")
NEWEST = 5  # lines on the first page
MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
LONGEST_ID = 18  # digits; more fit no row
MONTHS = 12  # that the statement offers


def _mine() -> Mine:
    """Everything of the reader; an account without a person has nothing."""
    person_id = viewer().person_id
    return queries.mine(person_id) if person_id is not None else Mine(0)


@bp.get("/")
@public
@limits.per_minute(240)
def home() -> str:
    mine = _mine() if viewer().is_signed_in else Mine(0)
    wallet = mine.own or mine.household
    if wallet is None:
        return render_template("points/none.html")
    return render_template(
        "points/home.html",
        wallet=wallet,
        is_household=wallet.household_id is not None,
        figures=_figures(wallet),
        lines=shown.shown(statement.page(wallet, limit=NEWEST).lines),
        household=mine.household if mine.own else None,
        others=[each for each in mine.every if each is not wallet and each is not mine.household],
        may_give=[each.uid for each in mine.every if each.free and each.state is WalletState.open],
        closed=WalletState.closed,
        frozen=WalletState.frozen,
        text=amounts.text,
        short=amounts.short,
    )


def _figures(wallet: WalletView) -> list[dict[str, Any]]:
    """Few big numbers: free, set aside, expiring next, due."""
    unit = pgettext("unit", "points")
    found: list[dict[str, Any]] = [
        {"label": pgettext("points", "Free"), "number": amounts.text(wallet.free), "unit": unit, "note": _("To use or to give away"), "is_main": True}
    ]  # fmt: skip
    if wallet.held:
        first = min(wallet.holds, key=lambda held: held.until)
        note = _("Reserved by you; the first until %(day)s", day=clock_day(first.until))
        found.append({"label": pgettext("points", "Set aside"), "number": amounts.text(wallet.held), "unit": unit, "note": note})
    soonest = next(iter(wallet.expiring), None)
    if soonest is not None and soonest.last_on is not None:
        note = _("Points of %(year)s, until %(day)s", year=soonest.year, day=format_day(soonest.last_on))
        found.append({"label": _("Will expire next"), "number": amounts.text(soonest.balance), "unit": unit, "note": note})
    elif wallet.rules is not None:
        note = _("There are no points that could expire.") if wallet.rules.expiry_years else _("Points do not expire here")
        found.append({"label": _("Will expire next"), "number": "0", "unit": unit, "note": note})
    if wallet.due:
        note = _("Taken back when already used; what comes next pays it")
        found.append({"label": pgettext("points", "Due"), "number": amounts.text(wallet.due), "unit": unit, "note": note})
    return found


def clock_day(moment: Any) -> str:
    return format_day(clock.local(moment).date(), year=False)


# ---- statement ------------------------------------------------------------------------------------------------------------
def _wallet() -> tuple[Mine, WalletView]:
    """The wallet named in the address, her own without a name; 404 for anybody else's."""
    mine = _mine()
    wallet = mine.of(request.args.get("wallet", "")[:32])
    if wallet is None:
        abort(404)
    return mine, wallet


def _month() -> date | None:
    found = MONTH.fullmatch(request.args.get("month", ""))
    return date(int(found[1]), int(found[2]), 1) if found else None


def _asked() -> Asked:
    side = request.args.get("show", "")
    return Asked(Side(side) if side in set(Side) else Side.every, _month(), Cursor.read(request.args.get("before", "")))


def _link(wallet: WalletView, asked: Asked, endpoint: str = ".statement_page", **more: Any) -> str:
    kept = {
        "wallet": request.args.get("wallet") and wallet.uid,
        "show": asked.side.value or None,
        "month": f"{asked.month:%Y-%m}" if asked.month else None,
    }
    return url_for(endpoint, **{**kept, **more})


@bp.get("/statement")
@signed_in
def statement_page() -> ResponseReturnValue:
    """Every line, 50 a page; a month or one side of them."""
    mine, asked = _mine(), _asked()
    wallet = mine.of(request.args.get("wallet", "")[:32])
    if wallet is None:
        return render_template("points/none.html") if not request.args.get("wallet") else abort(404)
    page = statement.page(wallet, asked)
    sides = [(Side.every, pgettext("statement", "All")), (Side.came, pgettext("statement", "Came in")), (Side.went, pgettext("statement", "Went out"))]  # fmt: skip
    return render_template(
        "points/statement.html",
        wallet=wallet,
        is_household=wallet.household_id is not None,
        lines=shown.shown(page.lines),
        has_after=asked.side is Side.every and any(line.after is not None for line in page.lines),
        period=files.month_words(asked.month) if asked.month else "",
        filters=[
            {"label": word, "href": _link(wallet, Asked(side, asked.month)), "is_current": side is asked.side, "count": None}
            for side, word in sides
        ],
        months=months(asked.month),
        month=f"{asked.month:%Y-%m}" if asked.month else "",
        side=asked.side.value,
        wallet_uid=wallet.uid if request.args.get("wallet") else "",
        csv_href=_link(wallet, Asked(month=asked.month), ".statement_csv"),
        pdf_href=_link(wallet, Asked(month=asked.month), ".statement_pdf") if found_family() is not None else "",
        page={
            "first_href": _link(wallet, asked) if asked.before else "",
            "next_href": _link(wallet, asked, before=str(page.before)) if page.before else "",
        },
    )


def months(chosen: date | None) -> list[tuple[str, str]]:
    """The last twelve months, and the chosen one where it is older."""
    today, found = clock.today(), []
    for back in range(MONTHS):
        number = today.year * 12 + today.month - 1 - back
        found.append(date(number // 12, number % 12 + 1, 1))
    if chosen is not None and chosen not in found:
        found.append(chosen)
    return [(f"{month:%Y-%m}", files.month_words(month)) for month in found]


def found_family() -> fonts.Family | None:
    return fonts.family(current_app.extensions["civic"].settings.pdf_font)


def _head() -> files.Head:
    return head_of(*_wallet())


def head_of(mine: Mine, wallet: WalletView) -> files.Head:
    """Whose statement it is; of the month in the address, or of all."""
    if wallet.household_id is not None:
        number = queries.household_number(wallet.household_id)
        return files.Head(_("Household %(number)s", number=number), wallet, _month())
    row = next(iter(people.rows_of([mine.person_id])), None)
    return files.Head((row.name or row.number) if row else viewer().name, wallet, _month())


def _name(head: files.Head, ending: str) -> str:
    return f"points-{f'{head.month:%Y-%m}' if head.month else f'{clock.today():%Y-%m-%d}'}.{ending}"


def _download(body: bytes | str, mimetype: str, name: str) -> Response:
    response = Response(body, mimetype=mimetype)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.get("/statement.csv")
@signed_in
@limits.per_minute(12)
def statement_csv() -> Response:
    head = _head()
    return _download(files.as_csv(files.rows_of(head, files.MOST_ROWS)), "text/csv", _name(head, "csv"))


@bp.get("/statement.pdf")
@signed_in
@limits.per_minute(12)
def statement_pdf() -> Response:
    return printed(_head())


def printed(head: files.Head) -> Response:
    """The statement as sheets of paper, here and at the desk."""
    family = found_family()
    if family is None:
        abort(404)  # no font with Chinese letters on this machine: the page prints as well
    rows = files.rows_of(head, files.MOST_PRINTED)
    return _download(files.as_pdf(head, rows, family), "application/pdf", _name(head, "pdf"))


@bp.get("/forecast")
@signed_in
def forecast() -> ResponseReturnValue:
    """What is on its way, what is set aside until when, how much there is room for, and which points count until when."""
    mine = _mine()
    wallet = mine.of(request.args.get("wallet", "")[:32])
    if wallet is None:
        return render_template("points/none.html") if not request.args.get("wallet") else abort(404)
    is_open = wallet.person_id is not None and wallet.state is not WalletState.closed
    coming = the_registry().coming_to(people.all_rows_of(mine.person_id)) if is_open else []
    return render_template(
        "points/forecast.html",
        wallet=wallet,
        is_household=wallet.household_id is not None,
        wallet_uid=wallet.uid if request.args.get("wallet") else None,
        coming=coming,
        coming_sum=sum(each.amount for each in coming),
        holds=shown.holds(wallet.holds),
        years=[(year.year, amounts.text(year.balance), year.last_on) for year in wallet.years if year.balance],
        expires=bool(wallet.rules and wallet.rules.expiry_years),
        room=max(0, wallet.rules.cap - wallet.balance) if wallet.rules else None,
        text=amounts.text,
        short=amounts.short,
    )


# ---- giving ---------------------------------------------------------------------------------------------------------------
def named(mine: Mine) -> str:
    """The uid in the address or the form of the wallet that is to give, '' for the one she uses; 404 for anybody else's."""
    uid = request.values.get("wallet", "")[:32]
    if uid and mine.of(uid) is None:
        abort(404)
    return uid


def purses(mine: Mine, uid: str) -> dict[str, Any]:
    """What the page says is free: her own and her household's, or the one that is named alone."""
    return {
        "own": giver_of(mine, Way.pool, uid),
        "household": giver_of(mine, Way.household_pool, uid),
        "named": mine.of(uid) if uid else None,
    }


def _ways(mine: Mine, uid: str) -> list[tuple[Way, str]]:
    words = {
        Way.pool: _("From my points to the care pool, for neighbours in need"),
        Way.household: _("From my points to the wallet of my household"),
        Way.household_pool: _("From my household's points to the care pool"),
    }
    return [(way, words[way]) for way in ways_of(mine, uid)]


def _gift_form(mine: Mine, uid: str) -> tuple[GiftForm, dict[str, str]]:
    ways = {way.value: words for way, words in _ways(mine, uid)}
    form = GiftForm()
    form.wallet.data = uid
    form.way.choices = [SelectChoice(value, words) for value, words in ways.items()]
    if form.way.data is None and request.method == "GET":
        form.way.data = next(iter(ways), None)
    return form, ways


def _gift_page(mine: Mine, form: GiftForm, status: int = 200) -> ResponseReturnValue:
    form.sure.data = ""
    return render_template("points/donate.html", form=form, text=amounts.text, **purses(mine, form.wallet.data or "")), status


@bp.get("/donate")
@signed_in
def donate() -> ResponseReturnValue:
    mine = _mine()
    uid = named(mine)
    if not _ways(mine, uid):
        return render_template("points/none.html")
    return _gift_page(mine, _gift_form(mine, uid)[0])


@bp.post("/donate")
@signed_in
def donated() -> ResponseReturnValue:
    """What was typed is asked once more, because a gift is not undone; then it is given."""
    mine = _mine()
    uid = named(mine)
    if not _ways(mine, uid):
        return render_template("points/none.html"), 422
    form, ways = _gift_form(mine, uid)
    if not form.validate_on_submit():
        return _gift_page(mine, form, 422)
    try:
        amount, way = amounts.parse(form.amount.data), Way(form.way.data)
        if not form.sure.data:
            return _ask_once_more(mine, form, way, amount, ways[way.value])
        with keyed(form, to=lambda row_id: url_for(".receipt", row_id=row_id)):
            row_id = give(actor(), mine.person_id, way, amount, uid)
    except DomainError as refusal:
        if isinstance(refusal, NotEnoughPoints):
            refusal.context["field"] = "amount"
        status = refuse(form, refusal)
        return _gift_page(mine, form, status)
    return redirect(url_for(".receipt", row_id=row_id), 303)


def _ask_once_more(mine: Mine, form: GiftForm, way: Way, amount: int, words: str) -> ResponseReturnValue:
    uid = form.wallet.data or ""
    left = left_after(mine, way, amount, uid)
    form.sure.data, form.amount.data = "yes", amounts.text(amount)
    return render_template(
        "points/donate_sure.html", form=form, words=words, amount=amounts.text(amount), left=amounts.text(left), **purses(mine, uid)
    )


@bp.get("/donations/<int:row_id>")
@signed_in
def receipt(row_id: int) -> str:
    """The receipt of a gift, for whoever may use the wallet it came from."""
    mine = _mine()
    gift = queries.gift(row_id) if row_id < 10**LONGEST_ID else None
    wallet = next((each for each in mine.every if gift is not None and each.id == gift.wallet_id), None)
    if gift is None or wallet is None:
        abort(404)
    return render_template(
        "points/receipt.html",
        gift=gift,
        wallet=wallet,
        is_household=wallet.household_id is not None,
        to_pool=gift.to is WalletKind.care_pool,
        amount=amounts.text(gift.amount),
        left=amounts.text(wallet.free),
    )
