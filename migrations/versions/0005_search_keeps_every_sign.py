"""The index of words on PostgreSQL made of the tokens as they are, so that rare signs are found too.

A generated column anew, under the same name; the version still running asks it as before.
"""

from alembic import op

from civic.core import search

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        search.drop_index(op.get_bind())
        search.create_index(op.get_bind())


def downgrade() -> None:
    """The column stays: it answers what the one before was asked."""
