"""Dated, cited numbers: every number a rule uses stands in YAML, under the date from which it holds."""

from datetime import date
from functools import lru_cache
from typing import Any

from second_opinion.durations import Duration, duration
from second_opinion.knowledge import check, read_yaml

_NEEDS = ("question", "limits", "references")
_LIMIT_NEEDS = ("says", "values", "reference")


class Limits:
    """The numbers in force on one day, by name: `limits.look_back`. Durations are Duration, others numbers."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"there is no limit called {name}") from None

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def moved(self, name: str, by: int) -> "Limits":
        """The same with one limit moved by so many units (days or months, or the number itself)."""
        value = self._values[name]
        if isinstance(value, Duration):
            moved: Any = Duration(value.days, value.months + by) if value.months else Duration(value.days + by)
        else:
            moved = value + by
        return Limits({**self._values, name: moved})


class Page:
    """One YAML page of clinical knowledge: a question, its limits with citations, its words."""

    def __init__(self, path: str, needs: tuple[str, ...] = ()) -> None:
        self.path = path
        self.content = read_yaml(path, (*_NEEDS, *needs))
        self._limits = {name: self._dated(name, limit) for name, limit in self.content["limits"].items()}
        self.limits_on = lru_cache(maxsize=64)(self._limits_on)

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def _limits_on(self, day: date) -> Limits:
        """The limits in force on a day; before the first date written, the first ones."""
        in_force = {}
        for name, dated in self._limits.items():
            begun = [start for start in dated if start <= day] or [min(dated)]
            in_force[name] = dated[max(begun)]
        return Limits(in_force)

    def _dated(self, name: str, limit: dict[str, Any]) -> dict[date, Any]:
        missing = [key for key in _LIMIT_NEEDS if not limit.get(key)]
        check(not missing, self.path, f"limit {name} lacks {', '.join(missing)}.")
        known = limit["reference"] in self.content["references"]
        check(known, self.path, f"limit {name} cites {limit['reference']}, which is not among references.")
        for start in limit["values"]:
            check(isinstance(start, date), self.path, f"limit {name}: {start!r} is not a date; write 2026-11-22.")
        return {start: duration(value) if isinstance(value, str) else value for start, value in limit["values"].items()}
