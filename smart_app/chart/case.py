"""One launch's chart, read and judged: what every page of the app is made from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from second_opinion.assess import Assessment
from smart_app.launches import Launch


class Case(Struct, frozen=True):
    """`patient` is the Patient as it came, {} if it could not be read; `read_at` when the chart was read."""

    launch: Launch
    assessment: Assessment
    patient: Mapping[str, Any]
    read_at: datetime
