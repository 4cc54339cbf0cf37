"""People, messages, bulletin; accounts get a person, further ways to sign in, and one-time tickets.

Locks `account`, `identity` and `load_row` for one rebuild on SQLite, for an instant on PostgreSQL.  The version still running reads and
writes them as before: every new column has a default or may be empty.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from civic.core import appendonly

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
APPEND_ONLY = ("consent", "life_event", "person_look", "posting_event", "privacy_notice")
KINDS = ("password", "totp", "recovery", "mail", "phone", "oidc")
KINDS_BEFORE = KINDS[:3]


def _kinds(batch: Any, allowed: tuple[str, ...]) -> None:
    """The ways to sign in are a CHECK, which Alembic does not compare."""
    batch.drop_constraint(op.f("ck_identity_identitykind"), type_="check")
    batch.create_check_constraint(op.f("ck_identity_identitykind"), sa.column("kind").in_(allowed))


def upgrade() -> None:
    op.create_table(
        "care_status",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject_hash", sa.String(length=80), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_status")),
    )
    with op.batch_alter_table("care_status", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_care_status_subject_hash"), ["subject_hash"], unique=False)

    op.create_table(
        "key_rotation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("table_name", sa.String(length=60), nullable=False),
        sa.Column("after_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="rows up to this id are done"),
        sa.Column("row_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="rows written again"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_rotation")),
        sa.UniqueConstraint("key_id", "table_name", name=op.f("uq_key_rotation_key_id_table_name")),
    )
    op.create_table(
        "load_mapping",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("header_hash", sa.String(length=64), nullable=False, comment="SHA-256 of the folded titles in their order"),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("header", sa.Text(), nullable=False, comment="JSON list of the titles"),
        sa.Column("mapping", sa.Text(), nullable=False, comment="JSON: column of the loader → place in the header"),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="who matched it; no foreign key, as in the audit",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_mapping")),
        sa.UniqueConstraint("header_hash", name=op.f("uq_load_mapping_header_hash")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("receiver_kind", sa.String(length=20), nullable=False),
        sa.Column("receiver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=2), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("href", sa.String(length=300), nullable=False, comment="path on this site"),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("uid", name=op.f("uq_message_uid")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_receiver", ["receiver_kind", "receiver_id", "id"], unique=False)

    op.create_table(
        "message_choice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receiver_kind", sa.String(length=20), nullable=False),
        sa.Column("receiver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("channels", sa.String(length=60), nullable=False, comment="mail, text joined by commas; the inbox always has it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_choice")),
        sa.UniqueConstraint("receiver_kind", "receiver_id", "topic", name=op.f("uq_message_choice_receiver_kind_receiver_id_topic")),
    )
    op.create_table(
        "privacy_notice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_notice")),
        sa.UniqueConstraint("version", name=op.f("uq_privacy_notice_version")),
        info={"append_only": True},
    )
    op.create_table(
        "sealed_note",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_note")),
    )
    op.create_table(
        "bulletin_subscription",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receiver_kind", sa.String(length=20), nullable=False, comment="person, account or subscriber (this row itself)"),
        sa.Column("receiver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="empty for a mail address"),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=80), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("lang", sa.String(length=2), nullable=False),
        sa.Column("wants_announcements", sa.Boolean(), nullable=False),
        sa.Column("wants_postings", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_bulletin_subscription_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_subscription")),
    )
    with op.batch_alter_table("bulletin_subscription", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_subscription_hash"), ["hash"], unique=False)
        batch_op.create_index("ix_bulletin_subscription_place", ["territory_id", "ended_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulletin_subscription_token_hash"), ["token_hash"], unique=False)

    op.create_table(
        "household",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column(
            "number", sa.String(length=12), nullable=False, comment="eight digits and a check digit, as on the household's papers here"
        ),
        sa.Column(
            "kind",
            sa.Enum("family", "collective", name="householdkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "place_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="community or village that keeps this row",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True, comment="its last member left, died or was merged"),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["territory.id"], name=op.f("fk_household_place_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        sa.UniqueConstraint("number", name=op.f("uq_household_number")),
        sa.UniqueConstraint("uid", name=op.f("uq_household_uid")),
    )
    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_household_place_id"), ["place_id"], unique=False)

    op.create_table(
        "message_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("mail", "text", "robot", name="messagechannel", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued", "sending", "sent", "failed", "dropped", name="deliverystate", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("mail_id", sa.String(length=22), nullable=False, comment="Message-ID of the mail, id of the text message at the gateway"),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("repeats", sa.SmallInteger(), nullable=False, comment="sent again after a crash between sending and noting it"),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=120), nullable=False, comment="kind of error; never an address"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_delivery_message_id_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_delivery")),
        sa.UniqueConstraint("mail_id", name=op.f("uq_message_delivery_mail_id")),
    )
    with op.batch_alter_table("message_delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_delivery_message_id"), ["message_id"], unique=False)
        batch_op.create_index("ix_message_delivery_next", ["state", "next_at"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column(
            "number", sa.String(length=12), nullable=False, comment="member number: eight digits and a check digit (ISO 7064 MOD 11,10)"
        ),
        sa.Column("sealed", sa.Text(), nullable=False, comment="encrypted JSON; empty when the row was emptied"),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column(
            "place_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="community or village that keeps this row",
        ),
        sa.Column("lang", sa.String(length=2), nullable=False, comment="zh, en or empty"),
        sa.Column(
            "source",
            sa.Enum("desk", "self", "list", "seed", name="personsource", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("died_on", sa.Date(), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "restricted_at", sa.DateTime(timezone=True), nullable=True, comment="the account was closed; kept only for what still needs it"
        ),
        sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True, comment="name, phone, address and keys are gone; the row stays"),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name=op.f("ck_person_not_into_itself")),
        sa.ForeignKeyConstraint(["merged_into_id"], ["person.id"], name=op.f("fk_person_merged_into_id_person")),
        sa.ForeignKeyConstraint(["place_id"], ["territory.id"], name=op.f("fk_person_place_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("number", name=op.f("uq_person_number")),
        sa.UniqueConstraint("uid", name=op.f("uq_person_uid")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_place_id"), ["place_id"], unique=False)

    op.create_table(
        "announcement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "organisation_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="for whom it speaks; empty = the community",
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="who wrote it; no foreign key, as in the audit",
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "news",
                "utility",
                "clinic",
                "event",
                "safety",
                name="announcementkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("draft", "published", "withdrawn", name="announcementstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("title_zh", sa.String(length=120), nullable=False),
        sa.Column("title_en", sa.String(length=160), nullable=False),
        sa.Column("body_zh", sa.Text(), nullable=False),
        sa.Column("body_en", sa.Text(), nullable=False),
        sa.Column("html_zh", sa.Text(), nullable=False),
        sa.Column("html_en", sa.Text(), nullable=False),
        sa.Column(
            "state_zh",
            sa.Enum(
                "official", "volunteer", "missing", "outdated", name="text_state_zh", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "state_en",
            sa.Enum(
                "official", "volunteer", "missing", "outdated", name="text_state_en", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), nullable=True, comment="last change after it was published; shown as corrected"
        ),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("title_zh <> '' OR title_en <> ''", name=op.f("ck_announcement_has_words")),
        sa.CheckConstraint("until_at IS NULL OR from_at < until_at", name=op.f("ck_announcement_order")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_announcement_organisation_id_organisation")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_announcement_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
        sa.UniqueConstraint("uid", name=op.f("uq_announcement_uid")),
    )
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.create_index("ix_announcement_shown", ["territory_id", "state", "from_at"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("given_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="herself, or the guardian"),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["given_by_id"], ["person.id"], name=op.f("fk_consent_given_by_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        info={"append_only": True},
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_person_id"), ["person_id"], unique=False)

    op.create_table(
        "household_member",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "relation",
            sa.Enum(
                "head",
                "spouse",
                "child",
                "parent",
                "grandparent",
                "grandchild",
                "sibling",
                "other",
                name="householdrelation",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("ended_on IS NULL OR from_on <= ended_on", name=op.f("ck_household_member_order")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_household_member_household_id_household")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_household_member_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_member")),
    )
    with op.batch_alter_table("household_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_household_member_household_id"), ["household_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_household_member_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_household_member_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        )

    op.create_table(
        "life_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "created",
                "birth",
                "death",
                "death_undone",
                "move_in",
                "move",
                "move_out",
                "join",
                "split",
                "guardianship",
                "guardianship_end",
                "verified",
                "verification_end",
                "corrected",
                "merged",
                "unmerged",
                "restricted",
                "emptied",
                name="lifeeventkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False, comment="when it happened; `at` is when it was recorded"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="no foreign key, as in the audit"
        ),
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_life_event_household_id_household")),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_life_event_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["other_id"], ["person.id"], name=op.f("fk_life_event_other_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_life_event_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_life_event")),
        info={"append_only": True},
    )
    with op.batch_alter_table("life_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_life_event_household_id"), ["household_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_life_event_other_id"), ["other_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_life_event_person_id"), ["person_id"], unique=False)

    op.create_table(
        "member_card",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.String(length=80), nullable=False, comment="empty: no code chosen yet, the card does not count alone"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_member_card_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_card")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_member_card_token_hash")),
    )
    with op.batch_alter_table("member_card", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_card_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_member_card_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "person_contact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind", sa.Enum("phone", "mail", name="contactkind", native_enum=False, create_constraint=True, length=32), nullable=False
        ),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True, comment="she read a code or link sent there"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_contact_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_contact")),
    )
    with op.batch_alter_table("person_contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_contact_hash"), ["hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_contact_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_person_contact_open",
            ["person_id", "hash"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "person_correction",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "asked_by_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="account: her own, or the clerk's beside her",
        ),
        sa.Column("topic", sa.String(length=20), nullable=False, comment="name, birth, document, contact, home, household, other"),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("asked", "done", "refused", name="correctionstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False, comment="fifteen working days"),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_correction_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_correction")),
        sa.UniqueConstraint("uid", name=op.f("uq_person_correction_uid")),
    )
    with op.batch_alter_table("person_correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_correction_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_correction_state"), ["state"], unique=False)

    op.create_table(
        "person_document",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "resident_card",
                "hmt_permit",
                "home_return_permit",
                "passport",
                "permanent_card",
                name="documentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("country", sa.String(length=3), nullable=False, comment="ISO 3166-1 alpha-3 of the issuing country"),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=80), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="last day; empty = for life"),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True, comment="a clerk held the original"),
        sa.Column(
            "checked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="account; no foreign key upwards"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="replaced, lost or typed wrong"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_document_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_document")),
    )
    with op.batch_alter_table("person_document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_document_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_person_document_open",
            ["hash"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "person_look",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "found",
                "page",
                "phone",
                "mail",
                "document",
                "birth",
                "address",
                "history",
                "care",
                "exported",
                "refused",
                name="lookkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("purpose", sa.String(length=20), nullable=False, comment="a word of the list: visit, call, case, check, care, other"),
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["sealed_note.id"], name=op.f("fk_person_look_note_id_sealed_note")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_look_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_look")),
        info={"append_only": True},
    )
    with op.batch_alter_table("person_look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_look_person_id"), ["person_id"], unique=False)

    op.create_table(
        "person_merge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("loser_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("survivor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "review",
                "done",
                "refused",
                "undo_asked",
                "undone",
                name="mergestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("objections", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="account"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("undo_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("decided_by_id IS NULL OR decided_by_id <> asked_by_id", name=op.f("ck_person_merge_two_people")),
        sa.CheckConstraint("loser_id <> survivor_id", name=op.f("ck_person_merge_two_rows")),
        sa.CheckConstraint("undone_by_id IS NULL OR undone_by_id <> undo_asked_by_id", name=op.f("ck_person_merge_two_people_to_undo")),
        sa.ForeignKeyConstraint(["loser_id"], ["person.id"], name=op.f("fk_person_merge_loser_id_person")),
        sa.ForeignKeyConstraint(["survivor_id"], ["person.id"], name=op.f("fk_person_merge_survivor_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merge")),
        sa.UniqueConstraint("uid", name=op.f("uq_person_merge_uid")),
    )
    with op.batch_alter_table("person_merge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_merge_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_merge_survivor_id"), ["survivor_id"], unique=False)
        batch_op.create_index(
            "uq_person_merge_open",
            ["loser_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('asked', 'review', 'done', 'undo_asked')"),
            postgresql_where=sa.text("state IN ('asked', 'review', 'done', 'undo_asked')"),
        )

    op.create_table(
        "person_name_key",
        sa.Column("hash", sa.String(length=48), nullable=False),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_name_key_person_id_person")),
        sa.ForeignKeyConstraint(["place_id"], ["territory.id"], name=op.f("fk_person_name_key_place_id_territory")),
        sa.PrimaryKeyConstraint("hash", "place_id", "person_id", name=op.f("pk_person_name_key")),
    )
    with op.batch_alter_table("person_name_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_name_key_person_id"), ["person_id"], unique=False)

    op.create_table(
        "posting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False, comment="G20261123-00012-3: kind, day, counter, check digit"),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="who made it; no foreign key, as in the audit",
        ),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft", "posted", "removed", "ended", "closed", name="postingstate", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.Column(
            "unit",
            sa.Enum("working_day", "calendar_day", name="unit", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("title_zh", sa.String(length=120), nullable=False),
        sa.Column("title_en", sa.String(length=160), nullable=False),
        sa.Column("body_zh", sa.Text(), nullable=False),
        sa.Column("body_en", sa.Text(), nullable=False),
        sa.Column("html_zh", sa.Text(), nullable=False),
        sa.Column("html_en", sa.Text(), nullable=False),
        sa.Column(
            "state_zh",
            sa.Enum(
                "official", "volunteer", "missing", "outdated", name="text_state_zh", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "state_en",
            sa.Enum(
                "official", "volunteer", "missing", "outdated", name="text_state_en", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("basis", sa.String(length=300), nullable=False, comment="rule that asks for it"),
        sa.Column("masking", sa.String(length=200), nullable=False),
        sa.Column("outcome_zh", sa.Text(), nullable=False),
        sa.Column("outcome_en", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("days >= 1", name=op.f("ck_posting_days")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_posting_organisation_id_organisation")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_posting_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
        sa.UniqueConstraint("number", name=op.f("uq_posting_number")),
        sa.UniqueConstraint("uid", name=op.f("uq_posting_uid")),
    )
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.create_index("ix_posting_shown", ["territory_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_posting_source"), ["source"], unique=False)

    op.create_table(
        "representation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("represented_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("representative_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("parent", "guardian", "proxy", name="representationkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True, comment="last day agreed beforehand; empty = open"),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="account; no foreign key upwards"
        ),
        sa.CheckConstraint("ended_on IS NULL OR from_on <= ended_on", name=op.f("ck_representation_order")),
        sa.CheckConstraint("represented_id <> representative_id", name=op.f("ck_representation_two_people")),
        sa.ForeignKeyConstraint(["representative_id"], ["person.id"], name=op.f("fk_representation_representative_id_person")),
        sa.ForeignKeyConstraint(["represented_id"], ["person.id"], name=op.f("fk_representation_represented_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_representation")),
    )
    with op.batch_alter_table("representation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_representation_representative_id"), ["representative_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_representation_represented_id"), ["represented_id"], unique=False)
        batch_op.create_index(
            "uq_representation_open",
            ["represented_id", "representative_id", "kind"],
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        )

    op.create_table(
        "account_ticket",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False, comment="names the ticket in the form that asks for its code"),
        sa.Column(
            "kind",
            sa.Enum(
                "register-mail",
                "register-phone",
                "sign-in-phone",
                "add-mail",
                "add-phone",
                "reset-mail",
                "reset-phone",
                "slip",
                name="ticketkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("hash", sa.String(length=80), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.String(length=80), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="slip: whose account it opens"),
        sa.Column("made_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="slip: the clerk"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_ticket_account_id_account")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_account_ticket_made_by_id_account")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_account_ticket_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_ticket")),
        sa.UniqueConstraint("uid", name=op.f("uq_account_ticket_uid")),
    )
    with op.batch_alter_table("account_ticket", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_ticket_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_ticket_address_hash"), ["address_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_ticket_hash"), ["hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_ticket_person_id"), ["person_id"], unique=False)

    op.create_table(
        "announcement_voice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("announcement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "speech",
            sa.Enum("yue", "cmn", "en", name="voicelanguage", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["announcement_id"], ["announcement.id"], name=op.f("fk_announcement_voice_announcement_id_announcement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement_voice")),
        sa.UniqueConstraint("announcement_id", "speech", name=op.f("uq_announcement_voice_announcement_id_speech")),
    )
    op.create_table(
        "board_photo",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("posting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["posting_id"], ["posting.id"], name=op.f("fk_board_photo_posting_id_posting")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_photo")),
    )
    with op.batch_alter_table("board_photo", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_board_photo_posting_id"), ["posting_id"], unique=False)

    op.create_table(
        "person_home",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "relation",
            sa.Enum(
                "lives_in",
                "registered_at",
                "owns",
                "rents",
                "collective",
                name="homerelation",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("home_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("elsewhere", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(home_id IS NULL) <> (elsewhere = '')", name=op.f("ck_person_home_one_place")),
        sa.CheckConstraint("ended_on IS NULL OR from_on <= ended_on", name=op.f("ck_person_home_order")),
        sa.ForeignKeyConstraint(["home_id"], ["home.id"], name=op.f("fk_person_home_home_id_home")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_home_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_home")),
    )
    with op.batch_alter_table("person_home", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_home_home_id"), ["home_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_home_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_person_home_open",
            ["person_id", "relation"],
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL AND relation IN ('lives_in', 'registered_at')"),
            postgresql_where=sa.text("ended_on IS NULL AND relation IN ('lives_in', 'registered_at')"),
        )

    op.create_table(
        "person_verification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the original that was seen"),
        sa.Column("home_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="where she lived then"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum("moved", "merged", "died", "withdrawn", name="verificationend", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(["document_id"], ["person_document.id"], name=op.f("fk_person_verification_document_id_person_document")),
        sa.ForeignKeyConstraint(["home_id"], ["home.id"], name=op.f("fk_person_verification_home_id_home")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_verification_person_id_person")),
        sa.ForeignKeyConstraint(["place_id"], ["territory.id"], name=op.f("fk_person_verification_place_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_verification")),
    )
    with op.batch_alter_table("person_verification", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_verification_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_verification_place_id"), ["place_id"], unique=False)
        batch_op.create_index(
            "uq_person_verification_open",
            ["person_id", "place_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "posting_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("posting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "verb", sa.String(length=20), nullable=False, comment="put_up, removed, ended, objected, answered, photo, closed, changed"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False, comment="public words: the reason of a removal"),
        sa.ForeignKeyConstraint(["posting_id"], ["posting.id"], name=op.f("fk_posting_event_posting_id_posting")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting_event")),
        info={"append_only": True},
    )
    with op.batch_alter_table("posting_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posting_event_posting_id"), ["posting_id"], unique=False)

    op.create_table(
        "posting_objection",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("posting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False, comment="1, 2, … within the posting"),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "answered", name="objectionstate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_zh", sa.Text(), nullable=False),
        sa.Column("answer_en", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_posting_objection_person_id_person")),
        sa.ForeignKeyConstraint(["posting_id"], ["posting.id"], name=op.f("fk_posting_objection_posting_id_posting")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting_objection")),
        sa.UniqueConstraint("posting_id", "number", name=op.f("uq_posting_objection_posting_id_number")),
        sa.UniqueConstraint("uid", name=op.f("uq_posting_objection_uid")),
    )
    with op.batch_alter_table("posting_objection", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posting_objection_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_posting_objection_posting_id"), ["posting_id"], unique=False)

    op.create_table(
        "posting_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("posting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("put_up_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False, comment="last day on which objections count"),
        sa.Column("is_provisional", sa.Boolean(), nullable=False, comment="counted into a year whose decree is not out"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_on", sa.Date(), nullable=True, comment="taken down before its last day was over; the clock starts again"),
        sa.Column("removed_why", sa.String(length=300), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("put_up_on < until_on", name=op.f("ck_posting_run_order")),
        sa.ForeignKeyConstraint(["posting_id"], ["posting.id"], name=op.f("fk_posting_run_posting_id_posting")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting_run")),
    )
    with op.batch_alter_table("posting_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posting_run_posting_id"), ["posting_id"], unique=False)
        batch_op.create_index(
            "uq_posting_run_open",
            ["posting_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "person_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
                comment="whose login it is; a colleague may have two",
            )
        )
        batch_op.create_index(batch_op.f("ix_account_person_id"), ["person_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_account_person_id_person"), "person", ["person_id"], ["id"])

    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "hash",
                sa.String(length=80),
                nullable=False,
                server_default="",
                comment="of mail, phone and oidc, for the look-up at sign-in",
            )
        )
        batch_op.create_index(batch_op.f("ix_identity_hash"), ["hash"], unique=False)
        _kinds(batch_op, KINDS)

    with op.batch_alter_table("load_row", schema=None) as batch_op:
        batch_op.alter_column(
            "hash",
            existing_type=sa.VARCHAR(length=64),
            type_=sa.String(length=80),
            existing_nullable=False,
            comment="SHA-256 of values_json, or keyed hash",
        )

    for table in APPEND_ONLY:
        appendonly.create_triggers(op.get_bind(), table)


def downgrade() -> None:
    op.execute("DELETE FROM identity WHERE kind IN ('mail', 'phone', 'oidc')")
    op.execute("DELETE FROM load_row WHERE length(hash) > 64")
    with op.batch_alter_table("load_row", schema=None) as batch_op:
        batch_op.alter_column("hash", existing_type=sa.String(length=80), type_=sa.VARCHAR(length=64), existing_nullable=False)

    with op.batch_alter_table("identity", schema=None) as batch_op:
        _kinds(batch_op, KINDS_BEFORE)
        batch_op.drop_index(batch_op.f("ix_identity_hash"))
        batch_op.drop_column("hash")

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_account_person_id_person"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_account_person_id"))
        batch_op.drop_column("person_id")

    with op.batch_alter_table("posting_run", schema=None) as batch_op:
        batch_op.drop_index("uq_posting_run_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))
        batch_op.drop_index(batch_op.f("ix_posting_run_posting_id"))

    op.drop_table("posting_run")
    with op.batch_alter_table("posting_objection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_posting_objection_posting_id"))
        batch_op.drop_index(batch_op.f("ix_posting_objection_person_id"))

    op.drop_table("posting_objection")
    with op.batch_alter_table("posting_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_posting_event_posting_id"))

    op.drop_table("posting_event")
    with op.batch_alter_table("person_verification", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_person_verification_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_person_verification_place_id"))
        batch_op.drop_index(batch_op.f("ix_person_verification_person_id"))

    op.drop_table("person_verification")
    with op.batch_alter_table("person_home", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_person_home_open",
            sqlite_where=sa.text("ended_on IS NULL AND relation IN ('lives_in', 'registered_at')"),
            postgresql_where=sa.text("ended_on IS NULL AND relation IN ('lives_in', 'registered_at')"),
        )
        batch_op.drop_index(batch_op.f("ix_person_home_person_id"))
        batch_op.drop_index(batch_op.f("ix_person_home_home_id"))

    op.drop_table("person_home")
    with op.batch_alter_table("board_photo", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_board_photo_posting_id"))

    op.drop_table("board_photo")
    op.drop_table("announcement_voice")
    with op.batch_alter_table("account_ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_ticket_person_id"))
        batch_op.drop_index(batch_op.f("ix_account_ticket_hash"))
        batch_op.drop_index(batch_op.f("ix_account_ticket_address_hash"))
        batch_op.drop_index(batch_op.f("ix_account_ticket_account_id"))

    op.drop_table("account_ticket")
    with op.batch_alter_table("representation", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_representation_open", sqlite_where=sa.text("ended_on IS NULL"), postgresql_where=sa.text("ended_on IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_representation_represented_id"))
        batch_op.drop_index(batch_op.f("ix_representation_representative_id"))

    op.drop_table("representation")
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_posting_source"))
        batch_op.drop_index("ix_posting_shown")

    op.drop_table("posting")
    with op.batch_alter_table("person_name_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_name_key_person_id"))

    op.drop_table("person_name_key")
    with op.batch_alter_table("person_merge", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_person_merge_open",
            sqlite_where=sa.text("state IN ('asked', 'review', 'done', 'undo_asked')"),
            postgresql_where=sa.text("state IN ('asked', 'review', 'done', 'undo_asked')"),
        )
        batch_op.drop_index(batch_op.f("ix_person_merge_survivor_id"))
        batch_op.drop_index(batch_op.f("ix_person_merge_state"))

    op.drop_table("person_merge")
    with op.batch_alter_table("person_look", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_look_person_id"))

    op.drop_table("person_look")
    with op.batch_alter_table("person_document", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_person_document_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_person_document_person_id"))

    op.drop_table("person_document")
    with op.batch_alter_table("person_correction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_correction_state"))
        batch_op.drop_index(batch_op.f("ix_person_correction_person_id"))

    op.drop_table("person_correction")
    with op.batch_alter_table("person_contact", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_person_contact_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_person_contact_person_id"))
        batch_op.drop_index(batch_op.f("ix_person_contact_hash"))

    op.drop_table("person_contact")
    with op.batch_alter_table("member_card", schema=None) as batch_op:
        batch_op.drop_index("uq_member_card_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))
        batch_op.drop_index(batch_op.f("ix_member_card_person_id"))

    op.drop_table("member_card")
    with op.batch_alter_table("life_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_life_event_person_id"))
        batch_op.drop_index(batch_op.f("ix_life_event_other_id"))
        batch_op.drop_index(batch_op.f("ix_life_event_household_id"))

    op.drop_table("life_event")
    with op.batch_alter_table("household_member", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_household_member_open", sqlite_where=sa.text("ended_on IS NULL"), postgresql_where=sa.text("ended_on IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_household_member_person_id"))
        batch_op.drop_index(batch_op.f("ix_household_member_household_id"))

    op.drop_table("household_member")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_person_id"))

    op.drop_table("consent")
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.drop_index("ix_announcement_shown")

    op.drop_table("announcement")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_place_id"))
        batch_op.drop_index(batch_op.f("ix_person_merged_into_id"))

    op.drop_table("person")
    with op.batch_alter_table("message_delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_message_delivery_next")
        batch_op.drop_index(batch_op.f("ix_message_delivery_message_id"))

    op.drop_table("message_delivery")
    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_household_place_id"))

    op.drop_table("household")
    with op.batch_alter_table("bulletin_subscription", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_subscription_token_hash"))
        batch_op.drop_index("ix_bulletin_subscription_place")
        batch_op.drop_index(batch_op.f("ix_bulletin_subscription_hash"))

    op.drop_table("bulletin_subscription")
    op.drop_table("sealed_note")
    op.drop_table("privacy_notice")
    op.drop_table("message_choice")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_receiver")

    op.drop_table("message")
    op.drop_table("load_mapping")
    op.drop_table("key_rotation")
    with op.batch_alter_table("care_status", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_care_status_subject_hash"))

    op.drop_table("care_status")
