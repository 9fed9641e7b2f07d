"""Answers to cards, and what they mean from then on: on disk before anybody is told that they were taken."""

from collections.abc import Sequence

from msgspec import json, structs
from sqlalchemy import Connection

from journal.database import Database
from journal.keys import Keys
from journal.once import insert_once
from journal.rows import DecisionRow, FeedbackRow
from journal.tables import decisions, feedback


def store_feedback(
    database: Database, keys: Keys, answers: Sequence[FeedbackRow], consequences: Sequence[DecisionRow] = ()
) -> int:
    """All or nothing; how many answers were new. Raises JournalDown: then nothing may be acknowledged.

    An answer that comes again is stored once; `received_at` is no part of it.
    """
    kept = sorted((_kept(keys, answer) for answer in answers), key=lambda row: str(row["id"]))
    decided = [
        structs.asdict(each) for each in sorted(consequences, key=lambda each: (each.client, each.card, each.reason))
    ]

    # Sorted, because two calls that insert the same rows in two orders would wait for each other in PostgreSQL.
    def store(connection: Connection) -> int:
        insert_once(connection, decisions, decided)
        return insert_once(connection, feedback, kept)

    return database.acknowledged.run(store)


def _kept(keys: Keys, answer: FeedbackRow) -> dict[str, object]:
    row = structs.asdict(answer)
    same = json.encode({name: value for name, value in row.items() if name != "received_at"}).decode()
    comment = keys.sealed(answer.comment) if answer.comment else None
    return row | {"id": keys.hashed("answer", same), "comment": comment}
