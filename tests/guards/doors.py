"""The table of doors: every route of the site with the row it opens and whom that row lets in.

A list has no row: whoever passes its mark sees it (and in it what is hers).  A row page names a row of `world.py` and a reach, said
here a second time and in other words than in the policies, so that a policy that grows too wide is caught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from civic.core.viewer import Role, Scope, Viewer


@dataclass(frozen=True)
class Row:
    """A row behind a door.

    args: the parts of its address, and what follows its `?`.  path: of its territory.  organisation: for which it speaks.
    account, person: whose it is.  form: what a page wants to be told before it answers.
    """

    args: dict[str, object]
    path: str = ""
    organisation: int | None = None
    account: int | None = None
    person: int | None = None
    form: dict[str, str] = field(default_factory=dict)


#: (viewer, the roles of the mark, the row) → does it open?
Reach = Callable[[Viewer, tuple[Role, ...], Row], bool]


def covers(scope: Scope, row: Row) -> bool:
    """Territory and organisation both: a grant that speaks for an organisation reaches that organisation's rows alone."""
    return row.path.startswith(scope.territory) and (not scope.organisations or row.organisation in scope.organisations)


def anybody(_who: Viewer, _roles: tuple[Role, ...], _row: Row) -> bool:
    return True


def nobody(_who: Viewer, _roles: tuple[Role, ...], _row: Row) -> bool:
    """This site has not been given what the page needs (an outside sign-in)."""
    return False


def place(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    return any(s.role in roles and covers(s, row) for s in who.scopes)


def territory(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    """The territory alone: people are not divided among the organisations of a community."""
    return any(s.role in roles and row.path.startswith(s.territory) for s in who.scopes)


def unbound(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    """A grant that is bound to no organisation: what a station offers is said by the community."""
    return any(s.role in roles and row.path.startswith(s.territory) and not s.organisations for s in who.scopes)


def district(who: Viewer, roles: tuple[Role, ...], _row: Row) -> bool:
    """A grant for a whole district that is bound to no organisation."""
    return any(s.role in roles and s.territory.count("/") == 2 and not s.organisations for s in who.scopes)


def department(who: Viewer, _roles: tuple[Role, ...], row: Row) -> bool:
    """Catalogue: a handler who speaks for the department, an administrator of the whole district; the catalogue knows no territory."""
    return any(
        (s.role is Role.handler and row.organisation in s.organisations) or (s.role is Role.administrator and s.is_district_wide)
        for s in who.scopes
    )


def owner(who: Viewer, _roles: tuple[Role, ...], row: Row) -> bool:
    """Hers, whatever grants others hold."""
    mine = row.account is not None and who.account_id == row.account
    return mine or (row.person is not None and who.person_id == row.person)


def second_person(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    """A whole district, and somebody else than the one who asked."""
    return district(who, roles, row) and who.account_id != row.account


def first_person(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    """A whole district, and the very one who asked."""
    return district(who, roles, row) and who.account_id == row.account


def owner_or_administrator(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    return owner(who, roles, row) or who.has_role(Role.administrator)


def only(*roles: Role, by: Reach = territory) -> Reach:
    """Fewer roles than the mark of the page lets in."""
    return lambda who, _roles, row: by(who, roles, row)


def either(*reaches: Reach) -> Reach:
    return lambda who, roles, row: any(reach(who, roles, row) for reach in reaches)


@dataclass(frozen=True)
class Door:
    """row: name of a row of the world, '' for a list.  also: the same door with another row."""

    row: str = ""
    reach: Reach = anybody
    also: Door | None = None

    def each(self) -> list[Door]:
        return [self, *(self.also.each() if self.also else ())]


LIST = Door()


def doors(names: str, door: Door = LIST) -> dict[str, Door]:
    return dict.fromkeys(names.split(), door)


ACCOUNTS = {
    **doors("ask_second_step change_password check_first_password check_second_step check_set_up check_sign_in choose_language"),
    **doors("first_password go_on home password renew set_up sign_in sign_out signed_out"),
    **doors(
        "add_mail add_phone ask_close ask_correction ask_who card check_confirm children choose_which close closed confirm contacts check_proof prove"
    ),
    **doors("corrections data download forgotten mail_sent make_card phone_door register register_by_mail register_by_phone"),
    **doors("register_by_slip register_child reset_by_mail reset_by_phone send_confirm_code send_sign_in_code"),
    # one answer for every number, so that nobody learns which codes are waiting
    **doors("check_confirm_code check_contact_code check_register_code check_reset_code check_sign_in_code", Door("uid")),
    **doors("contact_code register_code reset_code sign_in_code", Door("uid")),
    # whoever holds the link is meant by it
    **doors("choose_password set_password", Door("reset_link")),
    **doors("enter who", Door("proof")),
    **doors("finish register_with", Door("register_link")),
    **doors("confirm_mail mail_link", Door("add_mail_link", owner)),
    **doors("outside outside_back", Door(reach=nobody)),
    "end_session": Door("session"),
    "end_token": Door("token"),
    "remove_contact": Door("identity"),
}
ACCOUNTS_DESK = {
    **doors("create index new"),
    **doors("ask_close bind_person close give issue_password show", Door("colleague", place)),
    **doors("ask_end_grant end_grant", Door("colleague_grant", place)),
}
COLLEAGUES = {"index": LIST, **doors("hand_on show", Door("colleague_grant", place, also=Door("auditor_grant", nobody)))}
ACCOUNT_API = {
    **doors("ask_correction change_account list_messages list_sessions show_account show_data"),
    "end_session": Door("session", owner),
}
CATALOGUE = {
    "catalogue": {"items": LIST, **doors("item qr", Door("item"))},
    "catalogue_desk": {"items": LIST, "misses": LIST, **doors("edit save", Door("item", department))},
    "catalogue_offers": {**doors("save show", Door("station", unbound)), "index": LIST},
    "api-catalogue": {"groups": LIST, "services": LIST, "service": Door("item")},
}
TERRITORY = {
    "territory": {"stations": LIST, "station": Door("station")},
    "territory_api": {"stations": LIST, "territories": LIST, "station": Door("station")},
    "territory_desk": {
        "stations": LIST,
        **doors("add_closure edit hours new_closure save save_hours show", Door("station", place)),
        "withdraw_closure": Door("closure", place),
    },
    "territory_organisations": {
        **doors("create new organisations"),
        **doors("edit end save save_end", Door("organisation", place)),
    },
}
PEOPLE = {
    "people": {"card": Door("card"), "privacy_notice": LIST},
    "people_desk": doors("ask create fill find new new_household"),
    "people_households": {"show": Door("household", territory)},
    "people_persons": {
        **doors("add_contact add_document add_tie edit new_contact new_document new_tie save show", Door("person", territory)),
        **doors("reveal revealed", Door("shown", territory)),
        "end_contact": Door("contact", territory),
        "end_document": Door("document", territory),
    },
    "people_lives": {
        **doors("event record", Door("death", territory, also=Door("move", territory))),
        **doors("end_home ended_home", Door("tie", territory)),
        **doors("end_representation ended_representation", Door("representation", territory)),
    },
    "people_trust": {
        "corrections": LIST,
        **doors("answer answered", Door("correction", territory)),
        **doors("card choose_code issue verified verify wish wished", Door("person", territory)),
        **doors("notice publish", Door(reach=district)),
    },
    "people_merges": {
        "queue": LIST,
        **doors("choose chosen", Door("person", territory)),
        **doors("ask asked", Door("pair", territory)),
        **doors("ask_undo show undo", Door("merge", territory)),
        "decide": Door("decision", territory),
    },
    "people_care": doors("ask begin end show", Door("told_why", only(Role.social_worker))),
}
#: at the desk a clerk of the community, or whoever writes there
TAKES_OBJECTIONS = either(only(Role.clerk, by=unbound), only(Role.manager, Role.town, Role.district))
BULLETIN = {
    "bulletin": {
        **doors("atom index"),
        "atom_of": Door("place_code"),
        **doors("announcement announcement_picture announcement_poster announcement_qr", Door("announcement", also=Door("draft", nobody))),
        **doors("posting posting_picture posting_poster posting_qr", Door("posting_number", also=Door("posting_draft_number", nobody))),
    },
    "bulletin_part": {
        **doors("asked subscriptions"),
        **doors("ask_by_mail end_own subscribe", Door("place_of_news")),
        **doors("by_link confirm end_by_link", Door("subscription")),
        **doors("objection take_objection", Door("posting_number", also=Door("posting_draft_number", nobody))),
        "objected": Door("objection_receipt"),
    },
    "bulletin_desk": {
        **doors("index new translations write"),
        **doors("add_voice edit publish save show voices withdraw", Door("announcement", place, also=Door("draft", place))),
        "drop_voice": Door("voice", place),
    },
    "posting_desk": {
        **doors("draft index new objections"),
        **doors("add_photo ask_close ask_take_down close edit photo put_up save show take_down", Door("posting", place)),
        **doors("answer objection", Door("objection", place)),
        **doors("objection_at_desk take_at_desk", Door("posting_number", TAKES_OBJECTIONS)),
    },
    "api-bulletin": {
        **doors("announcements draft_posting own_postings postings subscribe write"),
        "announcement": Door("announcement", also=Door("draft", nobody)),
        "object_to": Door("posting_number"),
        "posting": Door("posting_number", also=Door("posting_draft_number", nobody)),
        **doors("publish withdraw", Door("announcement", place)),
        **doors("close objections put_up take_down", Door("posting_number", place)),
        "answer": Door("objection_number", place),
        "unsubscribe": Door("own_subscription", owner),
    },
}
#: a resident's own pages: with a wallet in the address hers alone
POINTS_MINE = {
    "points": {
        **doors("donate donated home"),
        **doors("forecast statement_csv statement_page statement_pdf", Door("own_wallet", owner)),
        "receipt": Door("gift", owner),
    },
    "api-points": doors("donate read_statement wallet"),
}
#: what everybody reads of closes and reports, and the desk that signs them
POINTS_TOLD = {
    "points_closes": doors("chain_file index"),
    "points_reports": {"index": LIST, **doors("as_csv as_xlsx qr show", Door("points_month"))},
    "points_reports_desk": {"queue": LIST, **doors("make sign", Door("points_month_desk", district))},
    "api-points-closes": doors("closes"),
}


def within(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    """A grant for anything inside the row's territory."""
    return any(s.role in roles and s.territory.startswith(row.path) for s in who.scopes)


def asker(who: Viewer, roles: tuple[Role, ...], row: Row) -> bool:
    """The desk of the place, and the very one who asked."""
    return territory(who, roles, row) and who.account_id == row.account


#: rules are the whole district's; its auditors read drafts too
READS_RULES = either(only(Role.district, Role.administrator, by=district), only(Role.auditor, by=within))
#: the desk of wallets and what needs two people
POINTS_DESK = {
    "points_rules": doors("show"),
    "api-points-rules": {
        "rules": Door("points_place"),
        "rules_versions": LIST,
        "begin_programme": LIST,
        "draft_version": Door("programme", district),
        **doors("adopt_version agree_version edit_version propose_version withdraw_version", Door("rules_draft", district)),
        "rules_version": Door("rules_draft", READS_RULES),
    },
    "points_rules_desk": {
        **doors("begin index"),
        "draft": Door("programme", district),
        **doors("adopt agree edit propose save withdraw", Door("rules_draft", district)),
        "show": Door("rules_draft", READS_RULES),
    },
    "points_proposals": {
        "index": LIST,
        "show": Door("proposal", territory),
        "decide": Door("proposal_answer", territory),
        "withdraw": Door("own_proposal", asker),
    },
    "api-points-desk": {
        "list_proposals": LIST,
        **doors("close freeze propose unfreeze wallet", Door("desk_wallet", territory)),
        "reverse": Door("desk_row", territory),
        "proposal": Door("proposal", territory),
        "decide": Door("proposal_answer", territory),
        "withdraw": Door("proposal", territory),
        **doors("give_beside statement_beside wallets_of", Door("person", territory)),
        "wallet_by_number": Door("wallet_number", territory),
        "open_wallet": Door("person", only(Role.social_worker, Role.manager), also=Door("verified_person", territory)),
    },
    "api-points-watch": {
        **doors("export list_hints"),
        **doors("hint look_at_hint", Door("hint", territory)),
        "list_reports": Door("programme_named"),
        "report": Door("points_month"),
        "report_months": Door("programme", READS_RULES),
        **doors("make_report sign_report", Door("points_month_desk", district)),
    },
    "points_beside": {
        **doors("home ask_give give", Door("person", territory)),
        # clerks open one for whom the desk knows to live there alone
        "open_wallet": Door("no_wallet_yet", only(Role.social_worker, Role.manager), also=Door("no_wallet_of_verified", territory)),
        "statement_pdf": Door("wallet_beside", territory),
        "receipt": Door("gift_beside", territory),
    },
    "points_wallets_desk": {
        **doors("ask_close ask_freeze ask_propose close freeze propose unfreeze wallet", Door("desk_wallet", territory)),
        **doors("ask_reverse reverse", Door("desk_row", territory)),
    },
    "points_hints": {"index": LIST, **doors("look show", Door("hint", territory))},
    "points_audit": {**doors("export index"), "wallet": Door("wallet_by_id", territory)},
}
#: an offer or need that is over is read at the desk alone (and by its owner)
AT_DESK = only(Role.clerk, Role.social_worker, Role.manager)
EXCHANGE = {
    "exchange": {"index": LIST, "listing": Door("open_listing", also=Door("gone_listing", AT_DESK))},
    "exchange_mine": {
        **doors("home new"),
        "edit": Door("own_listing", owner),
        "change": Door("own_listing_verb", owner),
        "respond": Door("open_listing"),
        "show": Door("own_exchange", owner),
        "act": Door("own_exchange_act", owner),
    },
    "exchange_desk": {
        **doors("index listings"),
        "stop_listing": Door("open_listing", territory),
        **doors("show stop", Door("exchange", territory)),
        "dispute": Door("dispute", territory),
    },
    "exchange_beside": {
        **doors("find home new", Door("beside", territory)),
        **doors("edit", Door("beside_listing", territory)),
        "change": Door("beside_listing_verb", territory),
        "respond": Door("beside_other_listing", territory),
        "show": Door("beside_exchange", territory),
        "act": Door("beside_exchange_act", territory),
    },
    "api-exchange": {
        **doors("exchanges listings own_listings respond suggestions write"),
        **doors("watched_disputes watched_exchanges watched_listings"),
        "listing": Door("open_listing", also=Door("gone_listing", AT_DESK)),
        **doors("edit end extend pause resume", Door("own_listing", owner)),
        "stop_listing": Door("open_listing", territory),
        **doors("accept answer cancel confirm decline deliver dispute exchange move rate say", Door("own_exchange", owner)),
        **doors("decide stop watched_exchange", Door("exchange", territory)),
        "paper": Door("dispute_file", only(Role.social_worker)),
        **doors("beside_exchanges beside_find beside_listings beside_respond beside_suggestions beside_write", Door("beside", territory)),
        **doors("beside_edit beside_end beside_extend beside_pause beside_resume", Door("beside_listing", territory)),
        **doors("beside_accept beside_answer beside_cancel beside_confirm beside_decline", Door("beside_exchange", territory)),
        **doors("beside_deliver beside_dispute beside_exchange beside_move beside_rate beside_say", Door("beside_exchange", territory)),
    },
}
FRONT = {
    "front": {**doors("about accessibility decrees_csv find home places_page privacy workdays"), "verify": Door("check")},
    "front_desk": doors("desk"),
    "health": doors("healthz metrics readyz robots"),
    "features": doors("save show"),
    "inbox": {
        **doors("channels index read_all save_channels"),
        **doors("end_mail leave", Door("leave")),
        "show": Door("message", owner),
    },
    "files": {"download": Door("file", owner)},
    "loading": {
        **doors("begin check match start"),
        **doors("error_book error_sheet", Door("upload", owner)),
        "template": Door("kind"),
        **doors("go_on run_book run_sheet show", Door("load", owner_or_administrator, also=Door("others_load", owner_or_administrator))),
    },
    "docs": {"page": LIST, "part": Door("part")},
    "api-docs": doors("openapi_json"),
    "api-workdays": doors("workdays", Door("days")),
}
#: blueprint → view → door
DOORS: dict[str, dict[str, Door]] = {
    "accounts": ACCOUNTS,
    "accounts_api": doors("create_token end_token"),
    "account_api": ACCOUNT_API,
    "account_slips": doors("new print_slip", Door("slip_person", unbound)),
    "accounts_desk": ACCOUNTS_DESK,
    "colleagues": COLLEAGUES,
    "connections": {
        **doors("ask index", Door(reach=district)),
        "release": Door("opening", second_person),
        "look": Door("opening", first_person),
    },
    **CATALOGUE,
    **TERRITORY,
    **PEOPLE,
    **BULLETIN,
    **POINTS_MINE,
    **POINTS_TOLD,
    **POINTS_DESK,
    **EXCHANGE,
    **FRONT,
}
