"""What the journal keeps of one call, to be looked at: the demo shows it beside the call."""

from typing import Any

from sqlalchemy import Connection, Table, select

from journal.database import Database
from journal.tables import assessments, cards, decisions, feedback

Json = dict[str, Any]


def kept_of_call(database: Database, hook_instance: str) -> Json | None:
    """The rows of a call, as they are: keyed hashes where there were names. None if there are none.

    It goes through all assessments, since a hookInstance is no key of theirs. Raises JournalDown.
    """

    def look(connection: Connection) -> Json | None:
        found = _rows(connection, assessments, "hook_instance", hook_instance)
        if not found:
            return None
        shown = _rows(connection, cards, "assessment", found[0]["id"])
        answers = [row for card in shown for row in _rows(connection, feedback, "card", card["uuid"])]
        consequences = [row for card in shown for row in _rows(connection, decisions, "card", card["uuid"])]
        return found[0] | {"cards": shown, "feedback": answers, "decisions": consequences}

    return database.reading.run(look)


def _rows(connection: Connection, table: Table, column: str, value: str) -> list[Json]:
    rows = connection.execute(select(table).where(table.c[column] == value)).mappings()
    return [{name: _plain(each) for name, each in row.items()} for row in rows]


def _plain(value: object) -> object:
    """As JSON has it."""
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)
