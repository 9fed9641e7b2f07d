"""What the app remembers of a launch, sealed; shared by all workers, gone when its time is over."""

from sqlalchemy import Connection, bindparam, delete, select, update

from journal.database import Database
from journal.keys import Keys
from journal.once import insert_once
from journal.tables import launches

_BY_ID = launches.c.id == bindparam("which")
_GET = select(launches.c.sealed).where(_BY_ID, launches.c.expires_at > bindparam("now"))
_TAKE = delete(launches).where(_BY_ID, launches.c.expires_at > bindparam("now")).returning(launches.c.sealed)
_OVER_AT_ONCE = 200  # what a flood of launches has left behind must not make the next one late
_SOME_OVER = select(launches.c.id).where(launches.c.expires_at <= bindparam("now")).limit(_OVER_AT_ONCE)
_OVER = delete(launches).where(launches.c.id.in_(_SOME_OVER))
_FORGET = delete(launches).where(_BY_ID)
_CHANGE = update(launches).where(_BY_ID).values(sealed=bindparam("words"), expires_at=bindparam("until"))


class Launches:
    """Remembered by names that nobody can guess, of which only keyed hashes are kept. Times are Unix seconds.

    Every method raises JournalDown while the database cannot be reached.
    """

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys

    def keep(self, name: str, words: str, now: int, expires_at: int) -> None:
        """And forgets some of those whose time is over."""
        row = {"id": self._id(name), "sealed": self._keys.sealed(words, "launch"), "expires_at": expires_at}

        def store(connection: Connection) -> None:
            connection.execute(_OVER, {"now": now})
            insert_once(connection, launches, [row])

        self._database.acknowledged.run(store)

    def change(self, name: str, words: str, expires_at: int) -> None:
        values = {"which": self._id(name), "words": self._keys.sealed(words, "launch"), "until": expires_at}
        self._database.acknowledged.run(lambda connection: connection.execute(_CHANGE, values))

    def put(self, name: str, words: str, expires_at: int) -> None:
        """In the place of whatever was kept by this name."""
        row = {"id": self._id(name), "sealed": self._keys.sealed(words, "launch"), "expires_at": expires_at}

        def store(connection: Connection) -> None:
            connection.execute(_FORGET, {"which": row["id"]})
            insert_once(connection, launches, [row])

        self._database.acknowledged.run(store)

    def get(self, name: str, now: int) -> str | None:
        """None: never begun, over, or sealed by another secret's key (whose hashes are others, too)."""
        values = {"which": self._id(name), "now": now}
        sealed = self._database.reading.run(lambda connection: connection.execute(_GET, values).scalar())
        return None if sealed is None else self._keys.opened(sealed, "launch")

    def take(self, name: str, now: int) -> str | None:
        """The same, once: of two that take at the same time one gets it."""
        values = {"which": self._id(name), "now": now}
        sealed = self._database.acknowledged.run(lambda connection: connection.execute(_TAKE, values).scalar())
        return None if sealed is None else self._keys.opened(sealed, "launch")

    def _id(self, name: str) -> str:
        return self._keys.hashed("launch", name)
