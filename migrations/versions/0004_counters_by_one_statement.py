"""Counters of both sides of a row moved by one statement of the trigger (PostgreSQL).

One function anew, under the same name: no row changes, and the version still running does not see it.
"""

from alembic import op

from civic.points import triggers

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    triggers.renew_moves(op.get_bind())


def downgrade() -> None:
    """The function stays: it does what the one before did."""
