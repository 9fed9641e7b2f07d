"""What the SMART app remembers: its launches, sealed, and what was written through it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "launches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("launches_expire", "launches", ["expires_at"])
    op.create_table(
        "deeds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("iss", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("launch", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("resources", sa.Text, nullable=False),
        sa.Column("card", sa.Text),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
    )
    op.create_index("deeds_of_launch", "deeds", ["launch", "at"])
