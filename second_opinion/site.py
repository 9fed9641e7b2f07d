"""What a site changes: limits, rules off or silent, local codes, the coding of the suggested referral (TOML)."""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

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
MODES = ("on", "silent", "off")
_TABLES = ("limits", "rules", "local_codes", "referral", "card")
_REGIONS = ("cervical", "thoracic", "lumbar")


class Site(Struct, frozen=True):
    """`modes`: rule to on, silent (judged, never shown) or off. `referral`: Coding of the second-opinion order."""

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


def read_site(text: str, name: str) -> Site:
    """A site file. Raises KnowledgeError naming file, line and remedy for anything in it that is not understood."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{name}: not TOML: {error}.") from None
    page = _SiteFile(name, text, given)
    page.allow(given, _TABLES, "")
    return Site(
        changed_limits={rule: page.limits(rule) for rule in given.get("limits", {})},
        modes={rule: page.mode(rule) for rule in given.get("rules", {})},
        local_codes=tuple(page.local_code(entry) for entry in given.get("local_codes", [])),
        referral=page.referral(),
        incomplete_card=page.incomplete_card(),
    )


class _SiteFile:
    """The file while it is read: knows where each thing stands, so that errors can say so."""

    def __init__(self, name: str, text: str, given: dict[str, Any]) -> None:
        self.name = name
        self.lines = text.splitlines()
        self.given = given

    def fail(self, word: str, message: str) -> KnowledgeError:
        mention = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        line = next((number for number, line in enumerate(self.lines, 1) if mention.search(line)), 1)
        return KnowledgeError(f"{self.name}, line {line}: {message}")

    def allow(self, table: Any, keys: tuple[str, ...], where: str) -> None:
        if not isinstance(table, dict):
            raise self.fail(where, f"{where} must be a table.")
        for key in table:
            if key not in keys:
                raise self.fail(key, f"{where}{'.' if where else ''}{key} is not known. Known: {', '.join(keys)}.")

    def limits(self, rule: str) -> dict[str, Any]:
        if rule not in PAGES:
            raise self.fail(rule, f"limits.{rule}: no such rule. Known: {', '.join(PAGES)}.")
        known = PAGES[rule].limits_on(date.max)
        self.allow(self.given["limits"][rule], known.names(), f"limits.{rule}")
        return {name: self.limit(name, value, known) for name, value in self.given["limits"][rule].items()}

    def limit(self, name: str, value: Any, known: Limits) -> Any:
        if isinstance(getattr(known, name), Duration):
            try:
                return duration(value)
            except (KnowledgeError, AttributeError):
                raise self.fail(name, f"{name}: not a duration: {value!r}. Write it like '6 weeks'.") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.fail(name, f"{name}: not a number: {value!r}.")
        return value

    def mode(self, rule: str) -> str:
        mode = self.given["rules"][rule]
        if rule not in RULES:
            raise self.fail(rule, f"rules.{rule}: no such rule. Known: {', '.join(RULES)}.")
        if mode not in MODES:
            raise self.fail(rule, f"rules.{rule}: {mode!r} is none of {', '.join(MODES)}.")
        return str(mode)

    def local_code(self, entry: Any) -> LocalCode:
        self.allow(entry, ("system", "code", "value_set", "kind", "regions", "label"), "local_codes")
        if missing := [key for key in ("system", "code", "value_set", "kind", "label") if key not in entry]:
            raise self.fail(str(entry.get("code", "local_codes")), f"a local code lacks {', '.join(missing)}.")
        if strange := [region for region in entry.get("regions", []) if region not in _REGIONS]:
            raise self.fail(strange[0], f"{strange[0]!r} is none of {', '.join(_REGIONS)}.")
        try:
            return LocalCode(**{**entry, "code": str(entry["code"]), "regions": frozenset(entry.get("regions", []))})
        except ValueError as problem:
            raise self.fail(str(entry["code"]), str(problem)) from None

    def referral(self) -> dict[str, str] | None:
        coding = self.given.get("referral")
        if coding is None:
            return None
        self.allow(coding, ("system", "code", "display"), "referral")
        if not all(isinstance(coding.get(key), str) and coding[key] for key in ("system", "code", "display")):
            raise self.fail("referral", "referral needs system, code and display, all in quotes.")
        return dict(coding)

    def incomplete_card(self) -> bool:
        card = self.given.get("card", {})
        self.allow(card, ("incomplete",), "card")
        shown = card.get("incomplete", True)
        if not isinstance(shown, bool):
            raise self.fail("incomplete", "card.incomplete must be true or false.")
        return shown
