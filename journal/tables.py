"""The tables, and how their values look in both databases.

No table refers to another by a foreign key: an answer may be stored before its card, and a card may outlive its
assessment.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """UTC in both databases; SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Words(TypeDecorator[str]):
    """Text as an EHR may send it; PostgreSQL cannot hold the character NUL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value and value.replace("\0", "")


def _json() -> JSON:
    return JSON(none_as_null=True)


assessments = Table(
    "assessments",
    metadata,
    Column("id", Words, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("client", Words, nullable=False),  # the EHR's iss, or '' of a loopback service
    Column("hook", Words, nullable=False),
    Column("hook_instance", Words, nullable=False),
    Column("patient", Words, nullable=False),  # a keyed hash, as are user and orders
    Column("user", Words, nullable=False),
    Column("kind", Words),  # kind, regions, by: none when no operation is planned
    Column("regions", _json()),
    Column("by", Words),
    Column("orders", _json(), nullable=False),
    Column("silenced_by", Words),
    Column("indicator", Words),  # none when no card was shown
    Column("findings", _json(), nullable=False),
    Column("lanes", _json(), nullable=False),
    Column("versions", _json(), nullable=False),
    Column("timing", _json(), nullable=False),  # milliseconds
    Column("could_not_look", Boolean, nullable=False),
    Index("assessments_at", "at"),
)
cards = Table(
    "cards",
    metadata,
    Column("uuid", Words, primary_key=True),
    Column("assessment", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("patient", Words, nullable=False),
    Column("user", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("orders", _json(), nullable=False),
    Column("kind", Words, nullable=False),
    Column("regions", _json(), nullable=False),
    Column("raised", _json(), nullable=False),
    Column("suggestions", _json(), nullable=False),
    Index("cards_of_patient", "client", "patient", "as_of"),
)
feedback = Table(
    "feedback",
    metadata,
    Column("id", Words, primary_key=True),  # made of what was answered: the same answer sent again is the same row
    Column("card", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("reason", Words),
    Column("accepted", _json(), nullable=False),
    Column("comment", Words),  # sealed
    Column("outcome_at", Words, nullable=False),  # as it was sent
    Column("received_at", Instant, nullable=False),
)
decisions = Table(
    "decisions",
    metadata,
    Column("client", Words, primary_key=True),
    Column("card", Words, primary_key=True),
    Column("reason", Words, primary_key=True),
    Column("since", Date, nullable=False),
    Column("until", Date, nullable=False),
    Column("patient", Words),  # of the card; none while the card is not known yet
    Index("decisions_of_patient", "client", "patient", "since"),
    sqlite_with_rowid=False,
)
tokens = Table(
    "tokens",
    metadata,
    Column("client", Words, primary_key=True),
    Column("jti", LargeBinary, primary_key=True),  # its keyed hash
    Column("expires_at", BigInteger, nullable=False),  # seconds, as in the token
    Index("tokens_expire", "expires_at"),
    sqlite_with_rowid=False,
)
launches = Table(
    "launches",
    metadata,
    Column("id", Words, primary_key=True),  # a keyed hash
    Column("sealed", Words, nullable=False),  # what the app must remember of it, tokens too
    Column("expires_at", BigInteger, nullable=False),  # seconds
    Index("launches_expire", "expires_at"),
)
deeds = Table(
    "deeds",
    metadata,
    Column("id", Words, primary_key=True),  # a keyed hash of what was to be written: the same twice is the same row
    Column("at", Instant, nullable=False),
    Column("iss", Words, nullable=False),  # the FHIR server written to
    Column("patient", Words, nullable=False),  # a keyed hash, as is user
    Column("user", Words, nullable=False),
    Column("launch", Words, nullable=False),  # a keyed hash
    Column("action", Words, nullable=False),  # referral, therapy, discussion, statement, ...
    Column("resources", Words, nullable=False),  # sealed: the references of what was written
    Column("card", Words),  # whose link led here
    Column("undone_at", Instant),
    Index("deeds_of_launch", "launch", "at"),
)
