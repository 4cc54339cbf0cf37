"""Daily closes and reports, points with their ledger, service for service.

New tables, and one index on `person_document` (a second for 260,000 rows); the version still running does not see them.
"""

import sqlalchemy as sa
from alembic import op

from civic.core import appendonly
from civic.points import triggers

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
APPEND_ONLY = ("day_close", "exchange_event", "points_earning", "points_transfer", "report", "report_signature")


def upgrade() -> None:
    op.create_table(
        "day_close",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("book", sa.String(length=20), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="1, 2, … within the book"),
        sa.Column("day", sa.Date(), nullable=False, comment="local day that it closes"),
        sa.Column("row_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("totals", sa.Text(), nullable=False, comment="sorted JSON: sums of the day and since the beginning"),
        sa.Column("rows_hash", sa.String(length=64), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False, comment="empty in the first"),
        sa.Column("hash", sa.String(length=80), nullable=False, comment="s1.<hex>: algorithm and value"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_close")),
        sa.UniqueConstraint("book", "day", name=op.f("uq_day_close_book_day")),
        sa.UniqueConstraint("book", "number", name=op.f("uq_day_close_book_number")),
        sa.UniqueConstraint("book", "previous_hash", name=op.f("uq_day_close_book_previous_hash")),
    )
    op.create_table(
        "day_close_item",
        sa.Column("book", sa.String(length=20), nullable=False),
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("book", "row_id", name=op.f("pk_day_close_item")),
    )
    with op.batch_alter_table("day_close_item", schema=None) as batch_op:
        batch_op.create_index("ix_day_close_item_number", ["book", "number"], unique=False)

    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column(
            "territory_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="no foreign key: a report outlives what it counts",
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False, comment="last day"),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("formula", sa.String(length=20), nullable=False, comment="version of the counting"),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("kind", "territory_id", "from_on", "revision", name=op.f("uq_report_kind_territory_id_from_on_revision")),
    )
    op.create_table(
        "points_hint",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Enum("sudden", "ring", name="hintkind", native_enum=False, create_constraint=True, length=32), nullable=False),
        sa.Column(
            "subject",
            sa.String(length=120),
            nullable=False,
            comment="what it is about and when: `wallet:17:2026-W47`, `ring:3-9-12:2026-11`",
        ),
        sa.Column("detail", sa.Text(), nullable=False, comment="sorted JSON: wallet ids and numbers"),
        sa.Column(
            "state", sa.Enum("open", "looked_at", name="hintstate", native_enum=False, create_constraint=True, length=32), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_points_hint_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_points_hint_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_hint")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_points_hint_kind_subject")),
        sa.UniqueConstraint("uid", name=op.f("uq_points_hint_uid")),
    )
    with op.batch_alter_table("points_hint", schema=None) as batch_op:
        batch_op.create_index("ix_points_hint_state", ["state", "territory_id"], unique=False)

    op.create_table(
        "points_programme",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the district"),
        sa.Column("name_zh", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_points_programme_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_programme")),
        sa.UniqueConstraint("code", name=op.f("uq_points_programme_code")),
        sa.UniqueConstraint("territory_id", name=op.f("uq_points_programme_territory_id")),
    )
    op.create_table(
        "report_signature",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_report_signature_report_id_report")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_signature")),
        sa.UniqueConstraint("report_id", "account_id", name=op.f("uq_report_signature_report_id_account_id")),
    )
    op.create_table(
        "exchange_listing",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column(
            "kind", sa.Enum("offer", "need", name="listingkind", native_enum=False, create_constraint=True, length=32), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum("open", "paused", "ended", "stopped", name="listingstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="community in which it is shown"
        ),
        sa.Column(
            "category",
            sa.Enum(
                "company",
                "errands",
                "escort",
                "home",
                "phone",
                "lessons",
                "care",
                "crafts",
                "translation",
                "other",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("lang", sa.String(length=2), nullable=False, comment="language of its words"),
        sa.Column("speaks", sa.String(length=40), nullable=False, comment="languages she can talk in: cmn yue en …"),
        sa.Column(
            "place",
            sa.Enum(
                "station", "helpers", "requesters", "online", "outside", name="place", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("when_text", sa.String(length=120), nullable=False, comment="when it suits, in her words"),
        sa.Column("minutes", sa.SmallInteger(), nullable=False, comment="how long it usually takes"),
        sa.Column("until_on", sa.Date(), nullable=False, comment="last day on which it is shown"),
        sa.Column("channel", sa.String(length=16), nullable=False, comment="desk: written down for somebody without a phone"),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="who wrote it down; no foreign key, as in the audit",
        ),
        sa.Column(
            "stopped_note_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="why a social worker stopped it: what its owner reads",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("title <> ''", name=op.f("ck_exchange_listing_title")),
        sa.CheckConstraint("minutes > 0 AND minutes <= 480", name=op.f("ck_exchange_listing_minutes")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_exchange_listing_person_id_person")),
        sa.ForeignKeyConstraint(["stopped_note_id"], ["sealed_note.id"], name=op.f("fk_exchange_listing_stopped_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_exchange_listing_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_listing")),
        sa.UniqueConstraint("uid", name=op.f("uq_exchange_listing_uid")),
    )
    with op.batch_alter_table("exchange_listing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_listing_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_exchange_listing_shown", ["territory_id", "state", "until_on"], unique=False)

    op.create_table(
        "points_wallet",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "member",
                "household",
                "care_pool",
                "issuance",
                "redemption",
                "expiry",
                "correction",
                "opening",
                name="walletkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "state",
            sa.Enum("open", "frozen", "closed", name="walletstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("state_why", sa.String(length=40), nullable=False, comment="a word: suspicion, death, merge, ended, own_wish"),
        sa.Column(
            "heir_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="where its points went when it was closed; what a hold returns later goes there too",
        ),
        sa.Column("due", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths still to be recovered"),
        sa.Column("vintage_count", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'household') = (household_id IS NOT NULL)", name=op.f("ck_points_wallet_household")),
        sa.CheckConstraint("(kind = 'member') = (person_id IS NOT NULL)", name=op.f("ck_points_wallet_person")),
        sa.CheckConstraint("due >= 0", name=op.f("ck_points_wallet_due")),
        sa.ForeignKeyConstraint(["heir_id"], ["points_wallet.id"], name=op.f("fk_points_wallet_heir_id_points_wallet")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_points_wallet_household_id_household")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_points_wallet_person_id_person")),
        sa.ForeignKeyConstraint(["programme_id"], ["points_programme.id"], name=op.f("fk_points_wallet_programme_id_points_programme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_wallet")),
        sa.UniqueConstraint("programme_id", "household_id", name=op.f("uq_points_wallet_programme_id_household_id")),
        sa.UniqueConstraint("programme_id", "person_id", name=op.f("uq_points_wallet_programme_id_person_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_points_wallet_uid")),
    )
    with op.batch_alter_table("points_wallet", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_points_wallet_household_id"), ["household_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_points_wallet_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_points_wallet_system",
            ["programme_id", "kind"],
            unique=True,
            sqlite_where=sa.text("person_id IS NULL AND household_id IS NULL"),
            postgresql_where=sa.text("person_id IS NULL AND household_id IS NULL"),
        )

    op.create_table(
        "points_hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("wallet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False, comment="kind:id of what it is for, as `order:17`"),
        sa.Column("sequence", sa.SmallInteger(), nullable=False, comment="2, 3, … of holds that renew the first"),
        sa.Column(
            "reason",
            sa.Enum(
                "earned",
                "overflow",
                "recovered",
                "corrected",
                "spent",
                "returned",
                "lapsed",
                "donated",
                "granted",
                "reversed",
                "expired",
                "moved",
                "opening",
                "exchange",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths"),
        sa.Column(
            "posted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths that were spent in the end"
        ),
        sa.Column(
            "state",
            sa.Enum("open", "posted", "voided", "expired", name="holdstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'posted') = (posted > 0)", name=op.f("ck_points_hold_posted")),
        sa.CheckConstraint("amount > 0 AND posted >= 0 AND posted <= amount", name=op.f("ck_points_hold_amount")),
        sa.ForeignKeyConstraint(["programme_id"], ["points_programme.id"], name=op.f("fk_points_hold_programme_id_points_programme")),
        sa.ForeignKeyConstraint(["wallet_id"], ["points_wallet.id"], name=op.f("fk_points_hold_wallet_id_points_wallet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_hold")),
        sa.UniqueConstraint("source", "sequence", name=op.f("uq_points_hold_source_sequence")),
        sa.UniqueConstraint("uid", name=op.f("uq_points_hold_uid")),
    )
    with op.batch_alter_table("points_hold", schema=None) as batch_op:
        batch_op.create_index("ix_points_hold_due", ["state", "expires_at"], unique=False)
        batch_op.create_index("ix_points_hold_wallet", ["wallet_id", "state"], unique=False)

    op.create_table(
        "points_policy",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False, comment="2026-3: the third of 2026"),
        sa.Column(
            "state",
            sa.Enum("draft", "posted", "adopted", "withdrawn", name="policystate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=True, comment="first local day on which it counts"),
        sa.Column("rounding", sa.SmallInteger(), nullable=False, comment="counted minutes are rounded down to this"),
        sa.Column("daily", sa.SmallInteger(), nullable=False, comment="most minutes a person's points count a day; never hours"),
        sa.Column(
            "threshold",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="minutes that must have been earned before anything is spent",
        ),
        sa.Column(
            "cap",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="most that a wallet keeps; the rest goes to the care pool",
        ),
        sa.Column("expiry_years", sa.SmallInteger(), nullable=False, comment="0: points do not expire; n: at the end of year + n"),
        sa.Column("exchange_days", sa.SmallInteger(), nullable=False, comment="days an exchange's hold lives after the agreed day"),
        sa.Column("confirm_days", sa.SmallInteger(), nullable=False, comment="days after delivery, then it counts as confirmed"),
        sa.Column("group_donates", sa.Boolean(), nullable=False, comment="volunteers of an outside group give their points to the pool"),
        sa.Column("note_zh", sa.Text(), nullable=False, comment="what changes and why, in the posting's words"),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.Column("maker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="account"),
        sa.Column("checker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="account of another person"),
        sa.Column("posting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("state <> 'adopted' OR checker_id IS NOT NULL", name=op.f("ck_points_policy_checked")),
        sa.CheckConstraint("state <> 'adopted' OR from_on IS NOT NULL", name=op.f("ck_points_policy_from")),
        sa.CheckConstraint("checker_id IS NULL OR checker_id <> maker_id", name=op.f("ck_points_policy_two_people")),
        sa.CheckConstraint(
            "rounding > 0 AND daily > 0 AND cap > 0 AND exchange_days > 0 AND confirm_days > 0", name=op.f("ck_points_policy_positive")
        ),
        sa.CheckConstraint("threshold >= 0 AND expiry_years >= 0", name=op.f("ck_points_policy_not_negative")),
        sa.ForeignKeyConstraint(["posting_id"], ["posting.id"], name=op.f("fk_points_policy_posting_id_posting")),
        sa.ForeignKeyConstraint(["programme_id"], ["points_programme.id"], name=op.f("fk_points_policy_programme_id_points_programme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_policy")),
        sa.UniqueConstraint("programme_id", "number", name=op.f("uq_points_policy_programme_id_number")),
    )
    with op.batch_alter_table("points_policy", schema=None) as batch_op:
        batch_op.create_index("ix_points_policy_in_force", ["programme_id", "state", "from_on"], unique=False)

    op.create_table(
        "points_vintage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("wallet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="as its wallet's"),
        sa.Column(
            "year", sa.SmallInteger(), nullable=False, comment="local year in which the points were first credited; 0: of the programme"
        ),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.Column(
            "balance", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths, held ones included"
        ),
        sa.Column("held", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths in open holds"),
        sa.Column("noticed", sa.SmallInteger(), nullable=False, comment="days before its expiry of the last notice sent: 30, then 7"),
        sa.CheckConstraint("balance >= held", name=op.f("ck_points_vintage_no_overdraft")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_points_vintage_held")),
        sa.CheckConstraint("is_counted OR (balance = 0 AND held = 0)", name=op.f("ck_points_vintage_counted")),
        sa.ForeignKeyConstraint(["programme_id"], ["points_programme.id"], name=op.f("fk_points_vintage_programme_id_points_programme")),
        sa.ForeignKeyConstraint(["wallet_id"], ["points_wallet.id"], name=op.f("fk_points_vintage_wallet_id_points_wallet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_vintage")),
        sa.UniqueConstraint("id", "programme_id", name=op.f("uq_points_vintage_id_programme_id")),
        sa.UniqueConstraint("wallet_id", "year", name=op.f("uq_points_vintage_wallet_id_year")),
    )
    with op.batch_alter_table("points_vintage", schema=None) as batch_op:
        batch_op.create_index(
            "ix_points_vintage_system",
            ["programme_id"],
            unique=False,
            sqlite_where=sa.text("year = 0"),
            postgresql_where=sa.text("year = 0"),
        )

    op.create_table(
        "exchange",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("listing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the listing's community"),
        sa.Column("requester_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("helper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "responder_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="which of the two answered the listing",
        ),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "agreed",
                "delivered",
                "confirmed",
                "disputed",
                "settled",
                "declined",
                "cancelled",
                "lapsed",
                name="exchangestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "category",
            sa.Enum(
                "company",
                "errands",
                "escort",
                "home",
                "phone",
                "lessons",
                "care",
                "crafts",
                "translation",
                "other",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
            comment="kind of help that was proposed; the listing's may change",
        ),
        sa.Column("policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="rules of the agreement"),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.Column("delivered_minutes", sa.SmallInteger(), nullable=True),
        sa.Column(
            "amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="hundredths held; fixed when agreed"
        ),
        sa.Column("hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the newest hold after renewals"),
        sa.Column("meet_at", sa.DateTime(timezone=True), nullable=False, comment="when they meet"),
        sa.Column(
            "station_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="suggested for a first meeting of strangers",
        ),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), nullable=True, comment="when it lapses, or counts as confirmed, without anybody's word"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requester_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("helper_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(hold_id IS NULL) = (state IN ('proposed', 'declined') OR (state = 'cancelled' AND agreed_at IS NULL) OR (state = 'lapsed' AND agreed_at IS NULL))",
            name=op.f("ck_exchange_hold"),
        ),
        sa.CheckConstraint(
            "delivered_minutes IS NULL OR (delivered_minutes > 0 AND delivered_minutes <= minutes)", name=op.f("ck_exchange_delivered")
        ),
        sa.CheckConstraint("(hold_id IS NULL) = (policy_id IS NULL)", name=op.f("ck_exchange_terms")),
        sa.CheckConstraint("minutes > 0 AND minutes <= 480", name=op.f("ck_exchange_minutes")),
        sa.CheckConstraint("requester_id <> helper_id", name=op.f("ck_exchange_two_people")),
        sa.ForeignKeyConstraint(["helper_id"], ["person.id"], name=op.f("fk_exchange_helper_id_person")),
        sa.ForeignKeyConstraint(["hold_id"], ["points_hold.id"], name=op.f("fk_exchange_hold_id_points_hold")),
        sa.ForeignKeyConstraint(["listing_id"], ["exchange_listing.id"], name=op.f("fk_exchange_listing_id_exchange_listing")),
        sa.ForeignKeyConstraint(["policy_id"], ["points_policy.id"], name=op.f("fk_exchange_policy_id_points_policy")),
        sa.ForeignKeyConstraint(["requester_id"], ["person.id"], name=op.f("fk_exchange_requester_id_person")),
        sa.ForeignKeyConstraint(["responder_id"], ["person.id"], name=op.f("fk_exchange_responder_id_person")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_exchange_station_id_station")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_exchange_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange")),
        sa.UniqueConstraint("hold_id", name=op.f("uq_exchange_hold_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_exchange_uid")),
    )
    with op.batch_alter_table("exchange", schema=None) as batch_op:
        batch_op.create_index("ix_exchange_due", ["state", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_helper_id"), ["helper_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_requester_id"), ["requester_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_territory_id"), ["territory_id"], unique=False)
        batch_op.create_index(
            "uq_exchange_open_pair",
            ["listing_id", "responder_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('proposed', 'agreed', 'delivered', 'disputed')"),
            postgresql_where=sa.text("state IN ('proposed', 'agreed', 'delivered', 'disputed')"),
        )

    op.create_table(
        "points_earning",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "source", sa.String(length=80), nullable=False, comment="kind:id of what was done, as `hours:17`; no foreign key upwards"
        ),
        sa.Column("revision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on", sa.Date(), nullable=False, comment="local day of the service"),
        sa.Column("service_type", sa.String(length=24), nullable=False),
        sa.Column("hour_class", sa.String(length=16), nullable=False),
        sa.Column("minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("counted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rate", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths of a point an hour"),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths"),
        sa.Column(
            "offset",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="hundredths of a decrease that an approved reversal had taken already",
        ),
        sa.Column("policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_donated", sa.Boolean(), nullable=False, comment="given to the care pool at once"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("minutes >= 0 AND counted >= 0 AND amount >= 0 AND revision >= 1", name=op.f("ck_points_earning_not_negative")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_points_earning_person_id_person")),
        sa.ForeignKeyConstraint(["policy_id"], ["points_policy.id"], name=op.f("fk_points_earning_policy_id_points_policy")),
        sa.ForeignKeyConstraint(["programme_id"], ["points_programme.id"], name=op.f("fk_points_earning_programme_id_points_programme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_earning")),
        sa.UniqueConstraint("source", "revision", name=op.f("uq_points_earning_source_revision")),
    )
    with op.batch_alter_table("points_earning", schema=None) as batch_op:
        batch_op.create_index("ix_points_earning_day", ["person_id", "on"], unique=False)

    op.create_table(
        "points_rate",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_type", sa.String(length=24), nullable=False),
        sa.Column("hour_class", sa.String(length=16), nullable=False),
        sa.Column("rate", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths of a point an hour"),
        sa.CheckConstraint("rate >= 0", name=op.f("ck_points_rate_rate")),
        sa.ForeignKeyConstraint(["policy_id"], ["points_policy.id"], name=op.f("fk_points_rate_policy_id_points_policy")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_rate")),
        sa.UniqueConstraint("policy_id", "service_type", "hour_class", name=op.f("uq_points_rate_policy_id_service_type_hour_class")),
    )
    op.create_table(
        "exchange_dispute",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="what she says"),
        sa.Column("answer_note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="what the other says"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by_on", sa.Date(), nullable=False, comment="ten working days"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="account"),
        sa.Column("decided_minutes", sa.SmallInteger(), nullable=True),
        sa.Column("decision_note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_minutes IS NULL)", name=op.f("ck_exchange_dispute_decided")),
        sa.CheckConstraint("decided_minutes IS NULL OR decided_minutes BETWEEN 0 AND 480", name=op.f("ck_exchange_dispute_minutes")),
        sa.ForeignKeyConstraint(["answer_note_id"], ["sealed_note.id"], name=op.f("fk_exchange_dispute_answer_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["by_person_id"], ["person.id"], name=op.f("fk_exchange_dispute_by_person_id_person")),
        sa.ForeignKeyConstraint(["decision_note_id"], ["sealed_note.id"], name=op.f("fk_exchange_dispute_decision_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchange.id"], name=op.f("fk_exchange_dispute_exchange_id_exchange")),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_exchange_dispute_note_id_sealed_note")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_dispute")),
        sa.UniqueConstraint("exchange_id", name=op.f("uq_exchange_dispute_exchange_id")),
    )
    op.create_table(
        "exchange_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False, comment="see Verb"),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("minutes", sa.SmallInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchange.id"], name=op.f("fk_exchange_event_exchange_id_exchange")),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_exchange_event_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_exchange_event_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_event")),
    )
    with op.batch_alter_table("exchange_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_event_exchange_id"), ["exchange_id"], unique=False)

    op.create_table(
        "exchange_rating",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("about_person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stars", sa.SmallInteger(), nullable=False),
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("by_person_id <> about_person_id", name=op.f("ck_exchange_rating_two_people")),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_exchange_rating_stars")),
        sa.ForeignKeyConstraint(["about_person_id"], ["person.id"], name=op.f("fk_exchange_rating_about_person_id_person")),
        sa.ForeignKeyConstraint(["by_person_id"], ["person.id"], name=op.f("fk_exchange_rating_by_person_id_person")),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchange.id"], name=op.f("fk_exchange_rating_exchange_id_exchange")),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_exchange_rating_note_id_sealed_note")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rating")),
        sa.UniqueConstraint("exchange_id", "by_person_id", name=op.f("uq_exchange_rating_exchange_id_by_person_id")),
    )
    with op.batch_alter_table("exchange_rating", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_rating_about_person_id"), ["about_person_id"], unique=False)

    op.create_table(
        "points_transfer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "single",
                "hold",
                "post",
                "void",
                "expire",
                "reversal",
                name="transferkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "earned",
                "overflow",
                "recovered",
                "corrected",
                "spent",
                "returned",
                "lapsed",
                "donated",
                "granted",
                "reversed",
                "expired",
                "moved",
                "opening",
                "exchange",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("debit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "amount",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="hundredths; of void and expire what was released, of post what was spent",
        ),
        sa.Column("hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "ends_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the hold's row that this one ends"
        ),
        sa.Column("reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("earning_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False, comment="kind:id of the cause; the same for rows that belong together"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="no foreign key, as in the audit"
        ),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name=op.f("ck_points_transfer_reverses")),
        sa.CheckConstraint("(kind IN ('hold', 'post', 'void', 'expire')) = (hold_id IS NOT NULL)", name=op.f("ck_points_transfer_hold")),
        sa.CheckConstraint("(kind IN ('post', 'void', 'expire')) = (ends_id IS NOT NULL)", name=op.f("ck_points_transfer_ends")),
        sa.CheckConstraint("amount > 0 AND amount <= 100000000000", name=op.f("ck_points_transfer_amount")),
        sa.CheckConstraint("account_id IS NOT NULL OR job <> ''", name=op.f("ck_points_transfer_actor")),
        sa.CheckConstraint("reason <> 'earned' OR earning_id IS NOT NULL", name=op.f("ck_points_transfer_earned")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_points_transfer_two_sides")),
        sa.ForeignKeyConstraint(
            ["credit_id", "programme_id"], ["points_vintage.id", "points_vintage.programme_id"], name="fk_points_transfer_credit"
        ),
        sa.ForeignKeyConstraint(
            ["debit_id", "programme_id"], ["points_vintage.id", "points_vintage.programme_id"], name="fk_points_transfer_debit"
        ),
        sa.ForeignKeyConstraint(["earning_id"], ["points_earning.id"], name=op.f("fk_points_transfer_earning_id_points_earning")),
        sa.ForeignKeyConstraint(["ends_id"], ["points_transfer.id"], name=op.f("fk_points_transfer_ends_id_points_transfer")),
        sa.ForeignKeyConstraint(["hold_id"], ["points_hold.id"], name=op.f("fk_points_transfer_hold_id_points_hold")),
        sa.ForeignKeyConstraint(["policy_id"], ["points_policy.id"], name=op.f("fk_points_transfer_policy_id_points_policy")),
        sa.ForeignKeyConstraint(["reverses_id"], ["points_transfer.id"], name=op.f("fk_points_transfer_reverses_id_points_transfer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_transfer")),
        sa.UniqueConstraint("ends_id", name=op.f("uq_points_transfer_ends_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_points_transfer_reverses_id")),
    )
    with op.batch_alter_table("points_transfer", schema=None) as batch_op:
        batch_op.create_index("ix_points_transfer_credit", ["credit_id", "id"], unique=False)
        batch_op.create_index("ix_points_transfer_debit", ["debit_id", "id"], unique=False)
        batch_op.create_index("ix_points_transfer_hold", ["hold_id"], unique=False)
        batch_op.create_index("ix_points_transfer_source", ["source"], unique=False)

    op.create_table(
        "points_proposal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "territory_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="community whose people decide, or those above it",
        ),
        sa.Column(
            "kind",
            sa.Enum("grant", "reversal", "opening", name="proposalkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("waiting", "done", "refused", "withdrawn", name="proposalstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("wallet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transfer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("from_pool", sa.Boolean(), nullable=False, comment="of a grant: from the care pool; else newly issued"),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="hundredths"),
        sa.Column(
            "note_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the reason, in words that may be personal",
        ),
        sa.Column("maker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="account"),
        sa.Column("checker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="account of another person"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'reversal') = (transfer_id IS NOT NULL)", name=op.f("ck_points_proposal_transfer")),
        sa.CheckConstraint(
            "checker_id IS NULL OR state = 'withdrawn' OR checker_id <> maker_id", name=op.f("ck_points_proposal_two_people")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_points_proposal_amount")),
        sa.CheckConstraint("state <> 'done' OR checker_id IS NOT NULL", name=op.f("ck_points_proposal_checked")),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_points_proposal_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["programme_id"], ["points_programme.id"], name=op.f("fk_points_proposal_programme_id_points_programme")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_points_proposal_territory_id_territory")),
        sa.ForeignKeyConstraint(["transfer_id"], ["points_transfer.id"], name=op.f("fk_points_proposal_transfer_id_points_transfer")),
        sa.ForeignKeyConstraint(["wallet_id"], ["points_wallet.id"], name=op.f("fk_points_proposal_wallet_id_points_wallet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_proposal")),
        sa.UniqueConstraint("uid", name=op.f("uq_points_proposal_uid")),
    )
    with op.batch_alter_table("points_proposal", schema=None) as batch_op:
        batch_op.create_index("ix_points_proposal_state", ["state", "territory_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_points_proposal_wallet_id"), ["wallet_id"], unique=False)

    with op.batch_alter_table("person_document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_document_country"), ["country"], unique=False)

    bind = op.get_bind()
    for table in APPEND_ONLY:
        appendonly.create_triggers(bind, table)
    appendonly.create_triggers(bind, "day_close_item", "book", "row_id")
    triggers.create(bind)


def downgrade() -> None:
    with op.batch_alter_table("person_document", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_document_country"))

    with op.batch_alter_table("points_proposal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_points_proposal_wallet_id"))
        batch_op.drop_index("ix_points_proposal_state")

    op.drop_table("points_proposal")
    with op.batch_alter_table("points_transfer", schema=None) as batch_op:
        batch_op.drop_index("ix_points_transfer_source")
        batch_op.drop_index("ix_points_transfer_hold")
        batch_op.drop_index("ix_points_transfer_debit")
        batch_op.drop_index("ix_points_transfer_credit")

    op.drop_table("points_transfer")
    with op.batch_alter_table("exchange_rating", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exchange_rating_about_person_id"))

    op.drop_table("exchange_rating")
    with op.batch_alter_table("exchange_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exchange_event_exchange_id"))

    op.drop_table("exchange_event")
    op.drop_table("exchange_dispute")
    op.drop_table("points_rate")
    with op.batch_alter_table("points_earning", schema=None) as batch_op:
        batch_op.drop_index("ix_points_earning_day")

    op.drop_table("points_earning")
    with op.batch_alter_table("exchange", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_exchange_open_pair",
            sqlite_where=sa.text("state IN ('proposed', 'agreed', 'delivered', 'disputed')"),
            postgresql_where=sa.text("state IN ('proposed', 'agreed', 'delivered', 'disputed')"),
        )
        batch_op.drop_index(batch_op.f("ix_exchange_territory_id"))
        batch_op.drop_index(batch_op.f("ix_exchange_requester_id"))
        batch_op.drop_index(batch_op.f("ix_exchange_helper_id"))
        batch_op.drop_index("ix_exchange_due")

    op.drop_table("exchange")
    with op.batch_alter_table("points_vintage", schema=None) as batch_op:
        batch_op.drop_index("ix_points_vintage_system", sqlite_where=sa.text("year = 0"), postgresql_where=sa.text("year = 0"))

    op.drop_table("points_vintage")
    with op.batch_alter_table("points_policy", schema=None) as batch_op:
        batch_op.drop_index("ix_points_policy_in_force")

    op.drop_table("points_policy")
    with op.batch_alter_table("points_hold", schema=None) as batch_op:
        batch_op.drop_index("ix_points_hold_wallet")
        batch_op.drop_index("ix_points_hold_due")

    op.drop_table("points_hold")
    with op.batch_alter_table("points_wallet", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_points_wallet_system",
            sqlite_where=sa.text("person_id IS NULL AND household_id IS NULL"),
            postgresql_where=sa.text("person_id IS NULL AND household_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_points_wallet_person_id"))
        batch_op.drop_index(batch_op.f("ix_points_wallet_household_id"))

    op.drop_table("points_wallet")
    with op.batch_alter_table("exchange_listing", schema=None) as batch_op:
        batch_op.drop_index("ix_exchange_listing_shown")
        batch_op.drop_index(batch_op.f("ix_exchange_listing_person_id"))

    op.drop_table("exchange_listing")
    op.drop_table("report_signature")
    op.drop_table("points_programme")
    with op.batch_alter_table("points_hint", schema=None) as batch_op:
        batch_op.drop_index("ix_points_hint_state")

    op.drop_table("points_hint")
    op.drop_table("report")
    with op.batch_alter_table("day_close_item", schema=None) as batch_op:
        batch_op.drop_index("ix_day_close_item_number")

    op.drop_table("day_close_item")
    op.drop_table("day_close")
    triggers.drop(op.get_bind())
