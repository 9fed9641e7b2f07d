"""What a site changes: limits, rules off or silent, local codes, the coding of the suggested referral (TOML)."""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from itertools import chain, repeat
from math import isfinite
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, ValidationError, convert, structs

from second_opinion import planned_surgery, silence
from second_opinion.durations import Duration, duration
from second_opinion.errors import KnowledgeError
from second_opinion.limits import Limits, Page
from second_opinion.rules import RULES
from second_opinion.value_sets import LocalCode

PAGES: dict[str, Page] = {name: rule.PAGE for name, rule in RULES.items()} | {
    "silence": silence.PAGE,
    "planned_surgery": planned_surgery.PAGE,
}
MODES = ("on", "silent", "off")  # silent: judged, never shown
Words = Annotated[str, Meta(min_length=1)]
_LONGEST = Duration(months=1200)
_LOCAL_CODE = re.compile(r"\s*\[\[\s*local_codes\s*\]\]")
_Shape = TypeVar("_Shape")


class Site(Struct, frozen=True):
    """`modes`: rule to on, silent or off. `referral`: the Coding of the second-opinion order."""

    changed_limits: Mapping[str, Mapping[str, Any]] = {}
    modes: Mapping[str, str] = {}
    local_codes: tuple[LocalCode, ...] = ()
    referral: Mapping[str, str] | None = None
    incomplete_card: bool = True
    payments: Callable[[str], str | None] | None = None  # the register of payments, if one is configured

    def mode(self, rule: str) -> str:
        return self.modes.get(rule, "on")

    def limits_on(self, name: str, day: date) -> Limits:
        """The limits of a page in force on a day, with the site's in place of ours."""
        return PAGES[name].limits_on(day).with_changes(self.changed_limits.get(name, {}))


AS_SHIPPED = Site()


class _Referral(Struct, forbid_unknown_fields=True):
    system: Words
    code: Words
    display: Words


class _Card(Struct, frozen=True, forbid_unknown_fields=True):
    incomplete: bool = True


class _Local(Struct, forbid_unknown_fields=True):
    system: Words
    code: Words
    value_set: Words
    kind: Words
    label: Words
    regions: frozenset[Literal["cervical", "thoracic", "lumbar"]] = frozenset()


class _File(Struct, forbid_unknown_fields=True):
    limits: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    local_codes: list[Any] = []  # each a _Local; read one by one, so that a fault names its line
    referral: _Referral | None = None
    card: _Card = _Card()


def read_site(text: str, name: str) -> Site:
    """A site file. Raises KnowledgeError naming file, line and remedy for anything in it that is not understood."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{name}: not TOML: {error}.") from None
    given = _shaped(written, _File, text, name)
    for rule, mode in given.rules.items():
        if rule not in RULES:
            raise _fault(text, name, f"rules.{rule}", f"there is no rule {rule}. Known: {', '.join(RULES)}")
        if mode not in MODES:
            raise _fault(text, name, f"rules.{rule}", f"{rule} can be {', '.join(MODES)}, not {mode!r}")
    return Site(
        changed_limits={page: _limits(text, name, page, limits) for page, limits in given.limits.items()},
        modes=given.rules,
        local_codes=tuple(_local(text, name, given.local_codes)),
        referral=structs.asdict(given.referral) if given.referral else None,
        incomplete_card=given.card.incomplete,
    )


def _shaped(given: Any, shape: type[_Shape], text: str, name: str, place: str = "", start: int = 0) -> _Shape:
    try:
        return convert(given, shape)
    except ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        field = re.search(r"unknown field `([^`]+)`", said)
        message = f"{said.replace('`', '')}; docs/site.md shows what can stand here"
        raise _fault(text, name, f"{place}{path}.{field[1] if field else ''}", message, start) from None


def _fault(text: str, name: str, place: str, message: str, start: int = 0) -> KnowledgeError:
    """Names the line of the last word of a place such as '.limits.indication.imaging', sought word after word."""
    lines = [line.partition("#")[0] for line in text.splitlines()]
    at = start
    for word in filter(None, re.split(r"[.\[\]`]", place)):
        mention = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        at = next((number for number in range(at, len(lines)) if mention.search(lines[number])), at)
    return KnowledgeError(f"{name}, line {at + 1}: {message}.")


def _limits(text: str, name: str, page: str, limits: Any) -> dict[str, Any]:
    if page not in PAGES:
        raise _fault(text, name, f"limits.{page}", f"limits.{page} is no page. Known: {', '.join(PAGES)}")
    if not isinstance(limits, dict):
        raise _fault(text, name, f"limits.{page}", f"limits.{page} must be a table of names and values")
    known = PAGES[page].limits_on(date.max)
    changed = {}
    for limit, value in limits.items():
        place = f"limits.{page}.{limit}"
        if limit not in known.names():
            raise _fault(text, name, place, f"{page} has no limit {limit}. Known: {', '.join(known.names()) or 'none'}")
        try:
            changed[limit] = _limit(value, is_duration=isinstance(getattr(known, limit), Duration))
        except KnowledgeError as error:
            raise _fault(text, name, place, f"{limit}: {str(error).rstrip('.')}") from None
    return changed


def _limit(value: Any, is_duration: bool) -> Any:
    if not is_duration:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise KnowledgeError(f"Not a number: {value!r}. Write it without quotes, 0 or more.")
        return value
    span = duration(str(value))
    if span.days > _LONGEST.months * 31 or span.months > _LONGEST.months:
        raise KnowledgeError(f"Too long: {value!r}. Nobody's care lasts over 100 years.")
    return span


def _local(text: str, name: str, given: list[Any]) -> list[LocalCode]:
    codes: dict[tuple[str, str], LocalCode] = {}
    starts = [number for number, line in enumerate(text.splitlines()) if _LOCAL_CODE.match(line)]
    for each, start in zip(given, chain(starts, repeat(0)), strict=False):
        local = _shaped(each, _Local, text, name, "local_codes", start)
        if (local.system, local.code) in codes:
            message = f"{local.system} {local.code} is mapped twice. Keep one"
            raise _fault(text, name, f"local_codes.{local.code}", message, start)
        try:
            codes[local.system, local.code] = LocalCode(**structs.asdict(local))
        except ValueError as problem:
            raise _fault(text, name, f"local_codes.{local.code}", str(problem).rstrip("."), start) from None
    return list(codes.values())
