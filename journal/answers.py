"""Answers to cards, and what they mean from then on: on disk before anybody is told that they were taken."""

from collections.abc import Sequence

from msgspec import json, structs
from sqlalchemy import Connection, bindparam, select, update

from journal.database import Database
from journal.keys import Keys
from journal.once import insert_once
from journal.rows import CardRow, DecisionRow, FeedbackRow
from journal.tables import cards, decisions, feedback

_unplaced = (decisions.c.client == bindparam("of"), decisions.c.card == bindparam("to"), decisions.c.patient.is_(None))
_patient = select(cards.c.patient).where(cards.c.uuid == decisions.c.card, cards.c.client == decisions.c.client)
_OF_KNOWN_CARDS = update(decisions).where(*_unplaced).values(patient=_patient.scalar_subquery())
_OF_NEW_CARDS = update(decisions).where(*_unplaced).values(patient=bindparam("whom"))


def place_decisions(connection: Connection, known: Sequence[CardRow]) -> None:
    """Tells answers that came before their card whose it is."""
    rows = [{"of": card.client, "to": card.uuid, "whom": card.patient} for card in known]
    if rows:
        connection.execute(_OF_NEW_CARDS, rows)


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
        if decided:
            connection.execute(_OF_KNOWN_CARDS, [{"of": row["client"], "to": row["card"]} for row in decided])
        return insert_once(connection, feedback, kept)

    return database.acknowledged.run(store)


def _kept(keys: Keys, answer: FeedbackRow) -> dict[str, object]:
    row = structs.asdict(answer)
    same = json.encode({name: value for name, value in row.items() if name != "received_at"}).decode()
    comment = keys.sealed(answer.comment) if answer.comment else None
    return row | {"id": keys.hashed("answer", same), "comment": comment}
