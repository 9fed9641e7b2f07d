"""The first tables: assessments, cards, feedback, decisions, tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "assessments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("hook", sa.Text, nullable=False),
        sa.Column("hook_instance", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("regions", sa.JSON),
        sa.Column("by", sa.Text),
        sa.Column("orders", sa.JSON, nullable=False),
        sa.Column("silenced_by", sa.Text),
        sa.Column("indicator", sa.Text),
        sa.Column("findings", sa.JSON, nullable=False),
        sa.Column("lanes", sa.JSON, nullable=False),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("timing", sa.JSON, nullable=False),
        sa.Column("could_not_look", sa.Boolean, nullable=False),
    )
    op.create_index("assessments_at", "assessments", ["at"])
    op.create_table(
        "cards",
        sa.Column("uuid", sa.Text, primary_key=True),
        sa.Column("assessment", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("orders", sa.JSON, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("regions", sa.JSON, nullable=False),
        sa.Column("raised", sa.JSON, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
    )
    op.create_index("cards_of_patient", "cards", ["client", "patient", "as_of"])
    _create_what_answers_need()


def _create_what_answers_need() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("accepted", sa.JSON, nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("outcome_at", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("card", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        sa.Column("patient", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("decisions_of_patient", "decisions", ["client", "patient", "since"])
    op.create_table(
        "tokens",
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("jti", sa.LargeBinary, primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("tokens_expire", "tokens", ["expires_at"])
