"""Dated, cited numbers: every number a rule uses stands in YAML, under the date from which it holds."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from second_opinion.durations import Duration, duration
from second_opinion.errors import KnowledgeError
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

    def with_changes(self, changes: Mapping[str, Any]) -> "Limits":
        """The same, with some of the values replaced."""
        return Limits({**self._values, **changes}) if changes else self

    def moved(self, name: str, by: int) -> "Limits":
        """The same with one limit moved by so many units (days or months, or the number itself)."""
        value = self._values[name]
        if isinstance(value, Duration):
            moved: Any = Duration(value.days, value.months + by) if value.months else Duration(value.days + by)
        else:
            moved = value + by
        return self.with_changes({name: moved})


class Page:
    """One YAML page of clinical knowledge: a question, its limits with citations, its words."""

    def __init__(self, path: str, needs: tuple[str, ...] = ()) -> None:
        self.path = path
        self.content = read_yaml(path, (*_NEEDS, *needs))
        check(isinstance(self.content["limits"], dict), path, "limits must be a mapping of names to limits.")
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
        check(isinstance(limit, dict), self.path, f"limit {name} must say: says, values, reference.")
        missing = [key for key in _LIMIT_NEEDS if not limit.get(key)]
        check(not missing, self.path, f"limit {name} lacks {', '.join(missing)}.")
        known = limit["reference"] in self.content["references"]
        check(known, self.path, f"limit {name} cites {limit['reference']}, which is not among references.")
        dated = isinstance(limit["values"], dict) and all(isinstance(start, date) for start in limit["values"])
        check(dated, self.path, f"limit {name}: values must be dates and numbers, such as 2026-11-22: 6 weeks.")
        return {start: self._value(name, value) for start, value in limit["values"].items()}

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return duration(value)
            except KnowledgeError as error:
                raise KnowledgeError(f"{self.path}, limit {name}: {error}") from None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        check(is_number, self.path, f"limit {name}: {value!r} is neither a duration nor a number.")
        return value
