"""What a site changes: limits, rules off or silent, local codes, the coding of the suggested referral (TOML)."""

from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from second_opinion import planned_surgery, silence
from second_opinion.answers import REASONS
from second_opinion.durations import Duration, duration
from second_opinion.errors import KnowledgeError
from second_opinion.limits import Limits, Page
from second_opinion.referral_targets import Target, read_targets
from second_opinion.rules import RULES
from second_opinion.toml_files import fault, read_toml, shaped
from second_opinion.value_sets import LocalCode

PAGES: dict[str, Page] = {name: rule.PAGE for name, rule in RULES.items()} | {
    "silence": silence.PAGE,
    "planned_surgery": planned_surgery.PAGE,
}
MODES = ("on", "silent", "off")  # silent: judged, never shown
Words = Annotated[str, Meta(min_length=1)]
_LONGEST = Duration(months=1200)
_GUIDE = "docs/site.md"


class Site(Struct, frozen=True):
    """`modes`: rule to on, silent or off. `referral`: the Coding of the second-opinion order.

    `targets`: to whom the app can refer. `reason_codes`: the EHR's own codes of override reasons to ours.
    `look_up_seconds`: for all that prefetch left out.
    """

    changed_limits: Mapping[str, Mapping[str, Any]] = {}
    modes: Mapping[str, str] = {}
    local_codes: tuple[LocalCode, ...] = ()
    referral: Mapping[str, str] | None = None
    targets: tuple[Target, ...] = ()
    incomplete_card: bool = True
    selection_behavior: str = "any"
    reason_codes: Mapping[str, str] = {}
    look_up_seconds: float = 0.35
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
    selection_behavior: Literal["any", "at-most-one"] = "any"


class _LookUp(Struct, frozen=True, forbid_unknown_fields=True):
    budget_milliseconds: Annotated[int, Meta(ge=50, le=1000)] = 350


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
    referral_targets: list[Any] = []  # each a Target, likewise
    card: _Card = _Card()
    look_up: _LookUp = _LookUp()
    override_reasons: dict[str, Any] = {}


def read_site(text: str, name: str) -> Site:
    """A site file. Raises KnowledgeError naming file, line and remedy for anything in it that is not understood."""
    given = read_toml(text, name, _File, _GUIDE)
    for rule, mode in given.rules.items():
        if rule not in RULES:
            raise fault(text, name, f"rules.{rule}", f"there is no rule {rule}. Known: {', '.join(RULES)}")
        if mode not in MODES:
            raise fault(text, name, f"rules.{rule}", f"{rule} can be {', '.join(MODES)}, not {mode!r}")
    for code, reason in given.override_reasons.items():
        if reason not in REASONS:
            known = ", ".join(REASONS)
            raise fault(text, name, f"override_reasons.{code}", f"{reason!r} is no reason of ours. Known: {known}")
    return Site(
        changed_limits={page: _limits(text, name, page, limits) for page, limits in given.limits.items()},
        modes=given.rules,
        local_codes=tuple(_local(text, name, given.local_codes)),
        referral=structs.asdict(given.referral) if given.referral else None,
        targets=read_targets(given.referral_targets, text, name, _GUIDE),
        incomplete_card=given.card.incomplete,
        selection_behavior=given.card.selection_behavior,
        reason_codes=given.override_reasons,
        look_up_seconds=given.look_up.budget_milliseconds / 1000,
    )


def _limits(text: str, name: str, page: str, limits: Any) -> dict[str, Any]:
    if page not in PAGES:
        raise fault(text, name, f"limits.{page}", f"limits.{page} is no page. Known: {', '.join(PAGES)}")
    if not isinstance(limits, dict):
        raise fault(text, name, f"limits.{page}", f"limits.{page} must be a table of names and values")
    known = PAGES[page].limits_on(date.max)
    changed = {}
    for limit, value in limits.items():
        place = f"limits.{page}.{limit}"
        if limit not in known.names():
            raise fault(text, name, place, f"{page} has no limit {limit}. Known: {', '.join(known.names()) or 'none'}")
        try:
            changed[limit] = _limit(value, is_duration=isinstance(getattr(known, limit), Duration))
        except KnowledgeError as error:
            raise fault(text, name, place, f"{limit}: {str(error).rstrip('.')}") from None
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
    for number, each in enumerate(given):
        block = f"local_codes[{number}]"
        local = shaped(each, text, name, _Local, _GUIDE, block)
        place = f"{block}.{local.code}"
        if (local.system, local.code) in codes:
            raise fault(text, name, place, f"{local.system} {local.code} is mapped twice. Keep one")
        try:
            codes[local.system, local.code] = LocalCode(**structs.asdict(local))
        except ValueError as problem:
            raise fault(text, name, place, str(problem).rstrip(".")) from None
    return list(codes.values())
