"""What was written through the app, each deed once: whoever begins it first writes it, everybody else is told of it."""

from datetime import datetime, timedelta

from msgspec import Struct, json
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from journal.database import Database
from journal.keys import Keys
from journal.once import insert_once
from journal.tables import deeds

_WRITES_AT_MOST = timedelta(minutes=2)  # who began longer ago, and never said how it ended, is gone
_BY_ID = deeds.c.id == bindparam("which")
_GET = select(deeds).where(_BY_ID, deeds.c.launch == bindparam("of"))
_OF_LAUNCH = select(deeds).where(deeds.c.launch == bindparam("of")).order_by(deeds.c.at.desc())
_OLD = deeds.c.resources == bindparam("old")  # every sealing is another: only one of two takes it over
_TAKE_OVER = update(deeds).where(_BY_ID, _OLD).values(resources=bindparam("sealed"), at=bindparam("now"))
_NOTE = update(deeds).where(_BY_ID).values(resources=bindparam("sealed"))
_FORGET = delete(deeds).where(_BY_ID)
_UNDONE = update(deeds).where(_BY_ID, deeds.c.undone_at.is_(None)).values(undone_at=bindparam("now"))


class Part(Struct, frozen=True):
    """One resource that was written: 'ServiceRequest/9', its version then, and the identifier that says it is ours."""

    reference: str
    version: str
    system: str
    value: str


class _Sealed(Struct, frozen=True):
    state: str
    parts: tuple[Part, ...] = ()


class Who(Struct, frozen=True, kw_only=True):
    """Where, about whom, by whom, in which launch; the identifiers as they are, which the journal makes hashes."""

    iss: str
    tenant: str
    patient: str
    user: str
    launch: str
    card: str = ""


class Deed(Struct, frozen=True):
    """`state`: begun, unknown (broken off; may be begun again) or done."""

    id: str
    at: datetime
    action: str
    state: str
    parts: tuple[Part, ...]
    undone_at: datetime | None


class Deeds:
    """Every method raises JournalDown while the database cannot be reached."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys

    def id_of(self, who: Who, action: str, content: str) -> str:
        return self._keys.hashed("deed", who.iss, who.tenant, who.patient, who.launch, action, content)

    def begin(self, deed: str, action: str, who: Who, now: datetime) -> bool:
        """Whether it is the caller who does it, now. Of many that begin the same at the same time one does."""
        row = self._row(deed, action, who, now)

        def claim(connection: Connection) -> bool:
            if insert_once(connection, deeds, [row]):
                return True
            found = connection.execute(_GET, {"which": deed, "of": row["launch"]}).one_or_none()
            if found is None or not _is_free(known := self._opened(found), now):  # none: whoever did it has just failed
                return False
            values = {"which": deed, "old": found.resources, "sealed": self._seal("begun", known.parts), "now": now}
            return connection.execute(_TAKE_OVER, values).rowcount == 1

        return self._database.acknowledged.run(claim)

    def note(self, deed: str, state: str, parts: tuple[Part, ...]) -> None:
        """How far it came."""
        values = {"which": deed, "sealed": self._seal(state, parts)}
        self._database.acknowledged.run(lambda connection: connection.execute(_NOTE, values))

    def forget(self, deed: str) -> None:
        """Nothing of it was written."""
        self._database.acknowledged.run(lambda connection: connection.execute(_FORGET, {"which": deed}))

    def undone(self, deed: str, now: datetime) -> None:
        values = {"which": deed, "now": now}
        self._database.acknowledged.run(lambda connection: connection.execute(_UNDONE, values))

    def get(self, deed: str, launch: str) -> Deed | None:
        """None: never begun, or of another launch."""
        values = {"which": deed, "of": self._launch(launch)}
        row = self._database.reading.run(lambda connection: connection.execute(_GET, values).one_or_none())
        return None if row is None else self._opened(row)

    def of_launch(self, launch: str) -> tuple[Deed, ...]:
        """Latest first."""
        values = {"of": self._launch(launch)}
        rows = self._database.reading.run(lambda connection: connection.execute(_OF_LAUNCH, values).all())
        return tuple(self._opened(row) for row in rows)

    def _row(self, deed: str, action: str, who: Who, now: datetime) -> dict[str, object]:
        place = (who.iss, who.tenant)
        return {
            "id": deed, "at": now, "iss": who.iss, "action": action, "card": who.card or None, "undone_at": None,
            "patient": self._keys.hashed("patient", *place, who.patient),
            "user": self._keys.hashed("user", *place, who.user),
            "launch": self._launch(who.launch), "resources": self._seal("begun", ()),
        }  # fmt: skip

    def _launch(self, launch: str) -> str:
        return self._keys.hashed("launch", launch)

    def _seal(self, state: str, parts: tuple[Part, ...]) -> str:
        return self._keys.sealed(json.encode(_Sealed(state, parts)).decode(), "deed")

    def _opened(self, row: Row[tuple[object, ...]]) -> Deed:
        sealed = json.decode(self._keys.opened(row.resources, "deed"), type=_Sealed)
        return Deed(row.id, row.at, row.action, sealed.state, sealed.parts, row.undone_at)


def _is_free(known: Deed, now: datetime) -> bool:
    return known.state == "unknown" or (known.state == "begun" and now - known.at >= _WRITES_AT_MOST)
