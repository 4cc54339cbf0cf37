"""the house

Before you go on: what does this lock, for how long, and does the version still running survive it?
"""

import sqlalchemy as sa
from alembic import op

from civic.core import appendonly, search

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = ("audit_event", "audit_seal", "audit_seal_item", "connection_look")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column("login", sa.String(length=40), nullable=False, comment="lower case"),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("lang", sa.String(length=2), nullable=False, comment="zh, en or empty: as the device says"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False, comment="the first password was set by somebody else"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
        sa.UniqueConstraint("uid", name=op.f("uq_account_uid")),
    )
    op.create_table(
        "audience",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience")),
        sa.UniqueConstraint("code", name=op.f("uq_audience_code")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="no foreign key: a line outlives everything it names",
        ),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("acting_for", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("verb", sa.String(length=60), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("context", sa.Text(), nullable=False, comment="sorted JSON: ids and numbers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
        info={"append_only": True},
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_subject", ["subject_kind", "subject_id"], unique=False)

    op.create_table(
        "audit_seal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_seal_previous_hash")),
        info={"append_only": True},
    )
    op.create_table(
        "connection_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False, comment="encrypted JSON: at, account, address, port, act"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_record")),
    )
    with op.batch_alter_table("connection_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_connection_record_on_day"), ["on_day"], unique=False)

    op.create_table(
        "content_version",
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_content_version")),
    )
    op.create_table(
        "decreed_day",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind", sa.Enum("holiday", "workday", name="daykind", native_enum=False, create_constraint=True, length=32), nullable=False
        ),
        sa.Column("name_zh", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False, comment="number of the decree"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decreed_day")),
        sa.UniqueConstraint("day", name=op.f("uq_decreed_day_day")),
    )
    op.create_table(
        "feature_switch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("feature", sa.String(length=40), nullable=False),
        sa.Column("territory", sa.String(length=200), nullable=False, comment="path of codes"),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("is_off", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_switch")),
        sa.UniqueConstraint("feature", "territory", "from_on", name=op.f("uq_feature_switch_feature_territory_from_on")),
    )
    op.create_table(
        "flow",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("name_zh", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), nullable=False),
        sa.Column("steps_zh", sa.Text(), nullable=False),
        sa.Column("steps_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow")),
        sa.UniqueConstraint("code", name=op.f("uq_flow_code")),
    )
    op.create_table(
        "grid_category",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("name_zh", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), nullable=False),
        sa.Column("expected_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_category")),
        sa.UniqueConstraint("code", name=op.f("uq_grid_category_code")),
    )
    op.create_table(
        "grid_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_item")),
        sa.UniqueConstraint("code", name=op.f("uq_grid_item_code")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="0 = a visitor"),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True, comment="encrypted JSON"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint("account_id", "route", "key", name=op.f("uq_idempotency_key_account_id_route_key")),
    )
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_key_created_at"), ["created_at"], unique=False)

    op.create_table(
        "job_lease",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_lease")),
    )
    op.create_table(
        "job_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=200), nullable=False, comment="done, or the kind of error; never personal values"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
    )
    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.create_index("ix_job_run_name", ["name", "started_at"], unique=False)

    op.create_table(
        "legal_source",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=300), nullable=False, comment="for information; not always an official translation"),
        sa.Column("level_zh", sa.String(length=100), nullable=False),
        sa.Column("level_en", sa.String(length=100), nullable=False),
        sa.Column("is_checked", sa.Boolean(), nullable=False, comment="the name was compared with a published text"),
        sa.Column("note_zh", sa.Text(), nullable=False),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_source")),
        sa.UniqueConstraint("name_zh", name=op.f("uq_legal_source_name_zh")),
    )
    op.create_table(
        "load_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=22), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "preparing",
                "applying",
                "done",
                "refused",
                "dropped",
                name="loadstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="who began it; no foreign key, as in the audit",
        ),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("files", sa.Text(), nullable=False, comment="JSON: name and, where the site keeps the file, sha256"),
        sa.Column("report", sa.Text(), nullable=False, comment="JSON as `civic load --json` prints it"),
        sa.Column(
            "total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="rows to write: added and changed"
        ),
        sa.Column("done", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="rows written"),
        sa.Column("finished", sa.Text(), nullable=False, comment="kinds whose last step ran, joined by commas"),
        sa.Column("problem", sa.String(length=400), nullable=False, comment="what stopped it last: kind of error, file, line"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_run")),
        sa.UniqueConstraint("uid", name=op.f("uq_load_run_uid")),
    )
    with op.batch_alter_table("load_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_load_run_created_at"), ["created_at"], unique=False)

    op.create_table(
        "material",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_material")),
        sa.UniqueConstraint("code", name=op.f("uq_material_code")),
    )
    op.create_table(
        "search_miss",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("lang", sa.String(length=2), nullable=False),
        sa.Column("words", sa.String(length=60), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_miss")),
        sa.UniqueConstraint("month", "lang", "words", name=op.f("uq_search_miss_month_lang_words")),
    )
    op.create_table(
        "search_row",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=30), nullable=False),
        sa.Column("result", sa.String(length=60), nullable=False, comment="public id or code of what is found"),
        sa.Column("part", sa.String(length=30), nullable=False),
        sa.Column("lang", sa.String(length=2), nullable=False),
        sa.Column("territory", sa.String(length=200), nullable=False, comment="path; '' = everywhere"),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("words", sa.Text(), nullable=False, comment="one phrase a line"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False, comment="initials of title and phrases, one a line"),
        sa.Column("tokens", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_row")),
        sa.UniqueConstraint("source", "result", "part", "lang", name=op.f("uq_search_row_source_result_part_lang")),
    )
    op.create_table(
        "service_category",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name_zh", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=80), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False, comment="for addresses"),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_category")),
        sa.UniqueConstraint("name_zh", name=op.f("uq_service_category_name_zh")),
        sa.UniqueConstraint("slug", name=op.f("uq_service_category_slug")),
    )
    op.create_table(
        "site_mark",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_site_mark")),
    )
    op.create_table(
        "stored_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="bytes as stored"),
        sa.Column("mime", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False, comment="as the person's device named it"),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="who handed it in; none = a visitor"
        ),
        sa.Column("owner_kind", sa.String(length=40), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
    )
    with op.batch_alter_table("stored_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stored_file_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_stored_file_owner", ["owner_kind", "owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stored_file_sha256"), ["sha256"], unique=False)

    op.create_table(
        "territory",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "district",
                "town",
                "street",
                "community",
                "village",
                "grid",
                name="territorykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="last day"),
        sa.Column("successor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("polygon", sa.Text(), nullable=True, comment="GeoJSON Polygon, CGCS2000 degrees"),
        sa.ForeignKeyConstraint(["parent_id"], ["territory.id"], name=op.f("fk_territory_parent_id_territory")),
        sa.ForeignKeyConstraint(["successor_id"], ["territory.id"], name=op.f("fk_territory_successor_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_territory")),
        sa.UniqueConstraint("code", name=op.f("uq_territory_code")),
    )
    with op.batch_alter_table("territory", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_territory_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_territory_path"), ["path"], unique=False)

    op.create_table(
        "territory_pending_reference",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False, comment="territory or organisation"),
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False, comment="parent_id or successor_id"),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_territory_pending_reference")),
        sa.UniqueConstraint("subject", "row_id", "field", name=op.f("uq_territory_pending_reference_subject_row_id_field")),
    )
    op.create_table(
        "try_count",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_try_count")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_try_count_kind_subject")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("two_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_token_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_token_account_id"), ["account_id"], unique=False)

    op.create_table(
        "audit_seal_item",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False, comment="= audit_event.id"
        ),
        sa.Column("seal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["seal_id"], ["audit_seal.id"], name=op.f("fk_audit_seal_item_seal_id_audit_seal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal_item")),
        info={"append_only": True},
    )
    with op.batch_alter_table("audit_seal_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_seal_item_seal_id"), ["seal_id"], unique=False)

    op.create_table(
        "building",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False, comment="standard address code"),
        sa.Column("grid_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("street_zh", sa.String(length=100), nullable=False),
        sa.Column("street_en", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["grid_id"], ["territory.id"], name=op.f("fk_building_grid_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_building")),
        sa.UniqueConstraint("code", name=op.f("uq_building_code")),
    )
    with op.batch_alter_table("building", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_building_grid_id"), ["grid_id"], unique=False)

    op.create_table(
        "connection_opening",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False, comment="number of the legal document"),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("login", sa.String(length=40), nullable=False, comment="only this login; empty = all"),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("readable_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_on <= to_on", name=op.f("ck_connection_opening_order")),
        sa.CheckConstraint("released_by_id IS NULL OR released_by_id <> asked_by_id", name=op.f("ck_connection_opening_two_people")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["account.id"], name=op.f("fk_connection_opening_asked_by_id_account")),
        sa.ForeignKeyConstraint(["released_by_id"], ["account.id"], name=op.f("fk_connection_opening_released_by_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_opening")),
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("password", "totp", "recovery", name="identitykind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "last_step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="totp: the time step used last, so that a code works once",
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_identity_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
    )
    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_account_id"), ["account_id"], unique=False)

    op.create_table(
        "load_row",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("values_json", sa.Text(), nullable=False, comment="sorted JSON: column → normalised text"),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="SHA-256 of values_json"),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["load_run.id"], name=op.f("fk_load_row_run_id_load_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_row")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_load_row_kind_key")),
    )
    with op.batch_alter_table("load_row", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_load_row_run_id"), ["run_id"], unique=False)

    op.create_table(
        "load_run_row",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("values_json", sa.Text(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False, comment="columns that differ, joined by commas"),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("file", sa.String(length=300), nullable=False),
        sa.Column("line", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_applied", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["load_run.id"], name=op.f("fk_load_run_row_run_id_load_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_run_row")),
    )
    with op.batch_alter_table("load_run_row", schema=None) as batch_op:
        batch_op.create_index("ix_load_run_row_next", ["run_id", "kind", "is_applied", "id"], unique=False)

    op.create_table(
        "organisation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "department",
                "line",
                "town_office",
                "residents_committee",
                "villagers_committee",
                "supervision_committee",
                "station",
                "agency",
                "company",
                "charity",
                "association",
                "role",
                name="organisationkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name_zh", sa.String(length=120), nullable=False),
        sa.Column("name_en", sa.String(length=120), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the role it holds in its territory"
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="last day"),
        sa.Column("successor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["organisation.id"], name=op.f("fk_organisation_parent_id_organisation")),
        sa.ForeignKeyConstraint(["role_id"], ["organisation.id"], name=op.f("fk_organisation_role_id_organisation")),
        sa.ForeignKeyConstraint(["successor_id"], ["organisation.id"], name=op.f("fk_organisation_successor_id_organisation")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_organisation_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_code")),
    )
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_organisation_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_organisation_role_id"), ["role_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_organisation_territory_id"), ["territory_id"], unique=False)

    op.create_table(
        "user_session",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=80), nullable=False, comment="browser and system in words"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False, comment="written at most every 10 minutes"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("two_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_user_session_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_session_token_hash")),
    )
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_session_account_id"), ["account_id"], unique=False)

    op.create_table(
        "account_grant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "clerk",
                "handler",
                "social-worker",
                "keeper",
                "moderator",
                "manager",
                "town",
                "district",
                "admin",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True, comment="last day"),
        sa.Column("given_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("to_on IS NULL OR from_on <= to_on", name=op.f("ck_account_grant_order")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_grant_account_id_account")),
        sa.ForeignKeyConstraint(["given_by_id"], ["account.id"], name=op.f("fk_account_grant_given_by_id_account")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_account_grant_organisation_id_organisation")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_account_grant_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_grant")),
    )
    with op.batch_alter_table("account_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_grant_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_grant_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_grant_territory_id"), ["territory_id"], unique=False)

    op.create_table(
        "connection_look",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opening_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="records shown"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_connection_look_account_id_account")),
        sa.ForeignKeyConstraint(["opening_id"], ["connection_opening.id"], name=op.f("fk_connection_look_opening_id_connection_opening")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_look")),
        info={"append_only": True},
    )
    with op.batch_alter_table("connection_look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_connection_look_opening_id"), ["opening_id"], unique=False)

    op.create_table(
        "grid_item_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("name_zh", sa.String(length=120), nullable=False),
        sa.Column("name_en", sa.String(length=160), nullable=False),
        sa.Column("category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("event", "component", "person_service", name="griditemkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("assigning_body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("undertaking_body_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("duty_zh", sa.Text(), nullable=False),
        sa.Column("duty_en", sa.Text(), nullable=False),
        sa.Column("handle_limit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "limit_unit",
            sa.Enum("hour", "working_hour", "working_day", name="gridlimitunit", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("cycle_days", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "disclosure",
            sa.Enum("public", "personal", "restricted", name="disclosure", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cycle_days >= 1", name=op.f("ck_grid_item_version_cycle_days")),
        sa.CheckConstraint("handle_limit >= 1", name=op.f("ck_grid_item_version_handle_limit")),
        sa.ForeignKeyConstraint(
            ["assigning_body_id"], ["organisation.id"], name=op.f("fk_grid_item_version_assigning_body_id_organisation")
        ),
        sa.ForeignKeyConstraint(["category_id"], ["grid_category.id"], name=op.f("fk_grid_item_version_category_id_grid_category")),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_grid_item_version_created_by_id_account")),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_grid_item_version_flow_id_flow")),
        sa.ForeignKeyConstraint(["item_id"], ["grid_item.id"], name=op.f("fk_grid_item_version_item_id_grid_item")),
        sa.ForeignKeyConstraint(
            ["lead_department_id"], ["organisation.id"], name=op.f("fk_grid_item_version_lead_department_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["undertaking_body_id"], ["organisation.id"], name=op.f("fk_grid_item_version_undertaking_body_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_item_version")),
        sa.UniqueConstraint("item_id", "number", name=op.f("uq_grid_item_version_item_id_number")),
    )
    with op.batch_alter_table("grid_item_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grid_item_version_category_id"), ["category_id"], unique=False)

    op.create_table(
        "home",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("building_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room", sa.String(length=20), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="last day; a home that a later list leaves out is closed, not deleted"),
        sa.ForeignKeyConstraint(["building_id"], ["building.id"], name=op.f("fk_home_building_id_building")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home")),
        sa.UniqueConstraint("building_id", "room", name=op.f("uq_home_building_id_room")),
    )
    op.create_table(
        "service_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["organisation.id"], name=op.f("fk_service_item_department_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_item")),
        sa.UniqueConstraint("code", name=op.f("uq_service_item_code")),
    )
    with op.batch_alter_table("service_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_item_department_id"), ["department_id"], unique=False)

    op.create_table(
        "station",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("territory_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("address_zh", sa.String(length=200), nullable=False),
        sa.Column("address_en", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=False),
        sa.Column("kiosk_zh", sa.String(length=200), nullable=False),
        sa.Column("kiosk_en", sa.String(length=200), nullable=False),
        sa.Column("lock_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_station_organisation_id_organisation")),
        sa.ForeignKeyConstraint(["territory_id"], ["territory.id"], name=op.f("fk_station_territory_id_territory")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station")),
        sa.UniqueConstraint("code", name=op.f("uq_station_code")),
    )
    with op.batch_alter_table("station", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_station_territory_id"), ["territory_id"], unique=False)

    op.create_table(
        "grid_version_law",
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("law_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["law_id"], ["legal_source.id"], name=op.f("fk_grid_version_law_law_id_legal_source")),
        sa.ForeignKeyConstraint(["version_id"], ["grid_item_version.id"], name=op.f("fk_grid_version_law_version_id_grid_item_version")),
        sa.PrimaryKeyConstraint("version_id", "law_id", name=op.f("pk_grid_version_law")),
    )
    with op.batch_alter_table("grid_version_law", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grid_version_law_law_id"), ["law_id"], unique=False)

    op.create_table(
        "item_audience",
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["audience_id"], ["audience.id"], name=op.f("fk_item_audience_audience_id_audience")),
        sa.ForeignKeyConstraint(["item_id"], ["service_item.id"], name=op.f("fk_item_audience_item_id_service_item")),
        sa.PrimaryKeyConstraint("item_id", "audience_id", name=op.f("pk_item_audience")),
    )
    with op.batch_alter_table("item_audience", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_item_audience_audience_id"), ["audience_id"], unique=False)

    op.create_table(
        "item_word",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("said", "old", "short", "summary", name="wordkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("text", sa.String(length=120), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["service_item.id"], name=op.f("fk_item_word_item_id_service_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_word")),
        sa.UniqueConstraint("item_id", "language", "text", name=op.f("uq_item_word_item_id_language_text")),
    )
    op.create_table(
        "service_item_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False, comment="from its day on the item is no longer offered"),
        sa.Column("name_zh", sa.String(length=120), nullable=False),
        sa.Column("name_en", sa.String(length=160), nullable=False),
        sa.Column("category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("legal_limit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "limit_unit",
            sa.Enum("working_day", "calendar_day", name="unit", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "legal_limit_source",
            sa.Enum("statute", "reference", name="limitsource", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("legal_limit_text_zh", sa.String(length=300), nullable=False),
        sa.Column("legal_limit_text_en", sa.String(length=400), nullable=False),
        sa.Column(
            "promised_limit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="0 = finished on the spot"
        ),
        sa.Column(
            "promised_unit",
            sa.Enum("working_day", "calendar_day", name="promised_unit", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("fee_zh", sa.String(length=200), nullable=False),
        sa.Column("fee_en", sa.String(length=300), nullable=False),
        sa.Column("target_group_zh", sa.String(length=300), nullable=False),
        sa.Column("target_group_en", sa.String(length=400), nullable=False),
        sa.Column(
            "handling_type",
            sa.Enum("on_spot", "within_limit", name="handlingtype", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("onsite_visits", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("result_zh", sa.String(length=200), nullable=False),
        sa.Column("result_en", sa.String(length=300), nullable=False),
        sa.Column("proxy_allowed", sa.Boolean(), nullable=False),
        sa.Column(
            "channels",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="bits: 1 counter, 2 online, 4 kiosk, 8 home_visit, 16 phone",
        ),
        sa.Column("note", sa.String(length=300), nullable=False, comment="why this version was made, for colleagues"),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("handling_type <> 'on_spot' OR promised_limit = 0", name=op.f("ck_service_item_version_on_spot")),
        sa.CheckConstraint("legal_limit >= 1", name=op.f("ck_service_item_version_legal_limit")),
        sa.CheckConstraint("onsite_visits BETWEEN 0 AND 9", name=op.f("ck_service_item_version_visits")),
        sa.CheckConstraint("promised_limit >= 0", name=op.f("ck_service_item_version_promised_limit")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["service_category.id"], name=op.f("fk_service_item_version_category_id_service_category")
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_service_item_version_created_by_id_account")),
        sa.ForeignKeyConstraint(["item_id"], ["service_item.id"], name=op.f("fk_service_item_version_item_id_service_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_item_version")),
        sa.UniqueConstraint("item_id", "number", name=op.f("uq_service_item_version_item_id_number")),
    )
    with op.batch_alter_table("service_item_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_item_version_category_id"), ["category_id"], unique=False)
        batch_op.create_index("ix_service_item_version_effective", ["item_id", "effective_on", "number"], unique=False)

    op.create_table(
        "station_closure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False, comment="last day"),
        sa.Column("reason_zh", sa.String(length=200), nullable=False),
        sa.Column("reason_en", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_on <= to_on", name=op.f("ck_station_closure_order")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_station_closure_station_id_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_closure")),
    )
    with op.batch_alter_table("station_closure", schema=None) as batch_op:
        batch_op.create_index("ix_station_closure_days", ["station_id", "to_on"], unique=False)

    op.create_table(
        "station_hours",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, comment="1 = Monday"),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.CheckConstraint("opens < closes", name=op.f("ck_station_hours_order")),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("ck_station_hours_weekday")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_station_hours_station_id_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_hours")),
        sa.UniqueConstraint("station_id", "weekday", "opens", name=op.f("uq_station_hours_station_id_weekday_opens")),
    )
    op.create_table(
        "station_offer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["service_item.id"], name=op.f("fk_station_offer_item_id_service_item")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_station_offer_station_id_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_offer")),
        sa.UniqueConstraint("station_id", "item_id", name=op.f("uq_station_offer_station_id_item_id")),
    )
    with op.batch_alter_table("station_offer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_station_offer_item_id"), ["item_id"], unique=False)

    op.create_table(
        "version_law",
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("law_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["law_id"], ["legal_source.id"], name=op.f("fk_version_law_law_id_legal_source")),
        sa.ForeignKeyConstraint(["version_id"], ["service_item_version.id"], name=op.f("fk_version_law_version_id_service_item_version")),
        sa.PrimaryKeyConstraint("version_id", "law_id", name=op.f("pk_version_law")),
    )
    with op.batch_alter_table("version_law", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_version_law_law_id"), ["law_id"], unique=False)

    op.create_table(
        "version_material",
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("material_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("may_follow", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["material_id"], ["material.id"], name=op.f("fk_version_material_material_id_material")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["service_item_version.id"], name=op.f("fk_version_material_version_id_service_item_version")
        ),
        sa.PrimaryKeyConstraint("version_id", "material_id", name=op.f("pk_version_material")),
    )
    with op.batch_alter_table("version_material", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_version_material_material_id"), ["material_id"], unique=False)

    for table in APPEND_ONLY:
        appendonly.create_triggers(op.get_bind(), table)
    search.create_index(op.get_bind())


def downgrade() -> None:
    search.drop_index(op.get_bind())
    with op.batch_alter_table("version_material", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_version_material_material_id"))

    op.drop_table("version_material")
    with op.batch_alter_table("version_law", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_version_law_law_id"))

    op.drop_table("version_law")
    with op.batch_alter_table("station_offer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_station_offer_item_id"))

    op.drop_table("station_offer")
    op.drop_table("station_hours")
    with op.batch_alter_table("station_closure", schema=None) as batch_op:
        batch_op.drop_index("ix_station_closure_days")

    op.drop_table("station_closure")
    with op.batch_alter_table("service_item_version", schema=None) as batch_op:
        batch_op.drop_index("ix_service_item_version_effective")
        batch_op.drop_index(batch_op.f("ix_service_item_version_category_id"))

    op.drop_table("service_item_version")
    op.drop_table("item_word")
    with op.batch_alter_table("item_audience", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_item_audience_audience_id"))

    op.drop_table("item_audience")
    with op.batch_alter_table("grid_version_law", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grid_version_law_law_id"))

    op.drop_table("grid_version_law")
    with op.batch_alter_table("station", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_station_territory_id"))

    op.drop_table("station")
    with op.batch_alter_table("service_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_item_department_id"))

    op.drop_table("service_item")
    op.drop_table("home")
    with op.batch_alter_table("grid_item_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grid_item_version_category_id"))

    op.drop_table("grid_item_version")
    with op.batch_alter_table("connection_look", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_connection_look_opening_id"))

    op.drop_table("connection_look")
    with op.batch_alter_table("account_grant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_grant_territory_id"))
        batch_op.drop_index(batch_op.f("ix_account_grant_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_account_grant_account_id"))

    op.drop_table("account_grant")
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_session_account_id"))

    op.drop_table("user_session")
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_organisation_territory_id"))
        batch_op.drop_index(batch_op.f("ix_organisation_role_id"))
        batch_op.drop_index(batch_op.f("ix_organisation_parent_id"))

    op.drop_table("organisation")
    with op.batch_alter_table("load_run_row", schema=None) as batch_op:
        batch_op.drop_index("ix_load_run_row_next")

    op.drop_table("load_run_row")
    with op.batch_alter_table("load_row", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_load_row_run_id"))

    op.drop_table("load_row")
    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_account_id"))

    op.drop_table("identity")
    op.drop_table("connection_opening")
    with op.batch_alter_table("building", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_building_grid_id"))

    op.drop_table("building")
    with op.batch_alter_table("audit_seal_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_seal_item_seal_id"))

    op.drop_table("audit_seal_item")
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_token_account_id"))

    op.drop_table("api_token")
    op.drop_table("try_count")
    op.drop_table("territory_pending_reference")
    with op.batch_alter_table("territory", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_territory_path"))
        batch_op.drop_index(batch_op.f("ix_territory_parent_id"))

    op.drop_table("territory")
    with op.batch_alter_table("stored_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stored_file_sha256"))
        batch_op.drop_index("ix_stored_file_owner")
        batch_op.drop_index(batch_op.f("ix_stored_file_created_at"))

    op.drop_table("stored_file")
    op.drop_table("site_mark")
    op.drop_table("service_category")
    op.drop_table("search_row")
    op.drop_table("search_miss")
    op.drop_table("material")
    with op.batch_alter_table("load_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_load_run_created_at"))

    op.drop_table("load_run")
    op.drop_table("legal_source")
    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.drop_index("ix_job_run_name")

    op.drop_table("job_run")
    op.drop_table("job_lease")
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_key_created_at"))

    op.drop_table("idempotency_key")
    op.drop_table("grid_item")
    op.drop_table("grid_category")
    op.drop_table("flow")
    op.drop_table("feature_switch")
    op.drop_table("decreed_day")
    op.drop_table("content_version")
    with op.batch_alter_table("connection_record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_connection_record_on_day"))

    op.drop_table("connection_record")
    op.drop_table("audit_seal")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_subject")

    op.drop_table("audit_event")
    op.drop_table("audience")
    op.drop_table("account")
