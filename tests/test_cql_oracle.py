"""repeat_surgery and nonsurgical_care written a second time, in CQL (tests/cql): both have to give the same answers.

What only words say reaches the CQL as a code of its own: reading words is left to Python. The CQL knows the rules from
their text alone; neither version was written from the other.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import convert, json
from test_vignettes import assessed

from fixtures.vignettes import Vignette, chart, vignettes
from second_opinion import planned_surgery
from second_opinion.codes import system_name
from second_opinion.from_fhir import concepts
from second_opinion.from_fhir.shapes import Concept
from second_opinion.rules import RULES
from second_opinion.value_sets import Meaning

HERE = Path(__file__).parent / "cql"
ORACLE = ("repeat_surgery", "nonsurgical_care")
AS_OF = date(2026, 11, 22)
GENERATED = 100


# What the oracle is given: the value sets, by code, and the limits, by name.


def meanings() -> dict[str, Any]:
    """What each code means: as written, as the start of codes, or as a pattern of ICD-10-PCS."""
    exact: dict[str, list[Any]] = {}
    prefixes, patterns = [], []
    sites: dict[str, Any] = {}
    for path in sorted((Path(str(files("second_opinion"))) / "value_sets").glob("*.yaml")):
        page = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        if "region_by_site_character" in page:
            sites = page["region_by_site_character"]
        for group in page["groups"]:
            meaning = {"valueSet": path.stem, "nonspecific": group.get("nonspecific_pain", False)}
            meaning |= {key: group.get(key) for key in ("kind", "regions", "modality", "strength", "role", "needs")}
            for line in group["codes"]:
                system, code = line.split()[:2]
                code = code.replace(".", "") if system == "ICD10CM" else code
                if system == "ICD10PCS":
                    patterns.append((code, meaning))
                elif group.get("prefix"):
                    prefixes.append((system, code, group.get("acute_seventh_character", False), meaning))
                else:
                    exact.setdefault(f"{system} {code}", []).append(meaning)
    return {"exact": exact, "prefixes": prefixes, "patterns": patterns, "sites": sites}


def limits() -> dict[str, dict[str, Any]]:
    """The limits of the day, as CQL parameters: a number, or a value with its unit."""
    pages = {name: RULES[name].PAGE for name in ORACLE} | {"planned_surgery": planned_surgery.PAGE}
    return {
        name: {key: _limit(limit["values"]) for key, limit in page["limits"].items()} for name, page in pages.items()
    }


def _limit(values: dict[date, Any]) -> Any:
    said = values[max(day for day in values if day <= AS_OF)]
    if isinstance(said, int | float):
        return said
    value, unit = said.split()
    return {"value": int(value), "unit": unit}


def _given(vignette: Vignette, exact: dict[str, list[Any]]) -> dict[str, Any]:
    resources = [_worded(resource, exact) for resource in vignette.resources]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}
    return {"asOf": vignette.as_of.isoformat(), "bundle": bundle, "unread": dict(vignette.unread)}


def _worded(resource: dict[str, Any], exact: dict[str, list[Any]]) -> dict[str, Any]:
    """What only words say gets a code of its own: reading words is no part of the rules, and is left to Python."""
    worded = deepcopy(resource)
    for concept, readers in _concepts(worded):
        found, words, by = concepts.read(convert(concept, Concept), readers)
        if by == "text":
            concept["coding"] = [{"system": "urn:words", "code": words}]
            exact[f"WORDS {words}"] = [_as_given(meaning) for meaning in found]
    return worded


def _as_given(meaning: Meaning) -> dict[str, Any]:
    said = {key: getattr(meaning, key) or None for key in ("kind", "modality", "strength", "role", "needs")}
    regions = sorted(meaning.regions) or None
    return said | {"valueSet": meaning.value_set, "nonspecific": meaning.nonspecific_pain, "regions": regions}


def _concepts(resource: dict[str, Any]) -> Iterator[tuple[dict[str, Any], tuple[concepts.Reader, ...]]]:
    """Each concept that the rules look at, and how its words would be read."""
    kind = resource["resourceType"]
    if kind in ("Procedure", "ServiceRequest"):
        yield resource["code"], concepts.OPERATION_OR_CARE
    if kind == "Condition" and not _has_known_system(resource["code"]):
        yield resource["code"], concepts.DIAGNOSIS
    if "medicationCodeableConcept" in resource:
        yield resource["medicationCodeableConcept"], concepts.MEDICINE
    for visit in resource["type"] if kind == "Encounter" and "type" in resource else ():
        yield visit, concepts.CARE
    for activity in resource.get("activity", ()):
        yield activity["detail"]["code"], concepts.OPERATION_OR_CARE


def _has_known_system(concept: dict[str, Any]) -> bool:
    return any(system_name(coding.get("system", "")) for coding in concept.get("coding", ()))


def oracle(charts: list[Vignette]) -> list[dict[str, Any]]:
    """What the CQL says of each chart: by rule, the outcome, whether it had doubts, and what it rests on."""
    known = meanings()
    sent = [_given(vignette, known["exact"]) for vignette in charts]
    given = {"meanings": known, "limits": limits(), "charts": sent}
    ran = subprocess.run(["node", "run.js"], cwd=HERE, input=json.encode(given), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    answers: list[dict[str, Any]] = json.decode(ran.stdout.splitlines()[-1])  # the compiler greets us on a line before
    return answers


# Charts: the vignettes, and made-up ones, with dates on and around every limit.


ORDERS = {
    "lumbar": ["CPT 22612", "CPT 63047", "CPT 63030", "CPT 22558", "CPT 22857", "CPT 22867", "CPT 63042", "CPT 63090"],
    "cervical": ["CPT 22551", "CPT 22600", "CPT 63081", "CPT 22856", "CPT 63045"],
    "thoracic": ["CPT 22610", "CPT 63003"],
    "unknown": ["CPT 22842", "CPT 22614", "SNOMED 55705006"],
}
REASONS = [
    "ICD10CM M54.50", "ICD10CM M54.2", "ICD10CM M43.16", "ICD10CM M48.061", "ICD10CM M48.02", "ICD10CM M51.16",
    "ICD10CM M51.360", "ICD10CM M51.361", "SNOMED 161891005", "ICD10CM M41.26", "ICD10CM M41.9", "ICD10CM M96.1",
]  # fmt: skip
OPERATIONS = [
    "CPT 63047", "CPT 63030", "CPT 22612", "CPT 22558", "CPT 22551", "CPT 63003", "CPT 63087", "CPT 27279", "CPT 63655",
    "CPT 22325", "CPT 22842", "SNOMED 55705006", "SNOMED 448808006", "ICD10PCS 0SG0070", "ICD10PCS 0RG10A0",
]  # fmt: skip
FAILURES = [
    "ICD10CM M96.1", "ICD10CM M96.0", "ICD10CM M96.3", "ICD10CM T84.216A", "ICD10CM T84.226D", "ICD10CM T84.296A",
    "ICD10CM G89.28", "ICD10CM T84.84XA", "SNOMED 185479006", "SNOMED 213299007", "SNOMED 202723000",
    "SNOMED 202725007", "SNOMED 27151001", "SNOMED 429164009", "ICD10CM Z98.1", "ICD10CM T84.63XA", "ICD10CM G97.41",
]  # fmt: skip
INJECTIONS = ["CPT 62323", "CPT 64493", "CPT 62321", "CPT 27096", "CPT 20552"]
CARE = [
    "CPT 97110", "CPT 97161", "CPT 98940", "CPT 97810", "CPT 97124", "CPT 97035", "CPT 90834", "HCPCS G3002",
    "HCPCS L0631", "SNOMED 91251008", "SNOMED 306170007", "SNOMED 311401005", "CPT 99406", *INJECTIONS,
]  # fmt: skip
MEDICINES = ["RXNORM 7258", "RXNORM 25480", "RXNORM 161", "RXNORM 7407", "RXNORM 6387"]
OPIOIDS = ["RXNORM 7804", "RXNORM 10689", "RXNORM 1049221"]


class Maker:
    """Makes one chart from a seed, as the lines of a vignette."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)  # noqa: S311 - made-up charts, no secrets
        self.lines: list[dict[str, str]] = []
        self.region = self.pick.choice(["lumbar"] * 5 + ["cervical", "cervical", "thoracic", "unknown"])
        self.operated = self.pick.choice([10, 14, 15, 16, 100, 200, 310, 400, 400, 760, 1200])

    def chance(self, of: float) -> bool:
        return self.pick.random() < of

    def add(self, days: int | None, what: str, **more: Any) -> None:
        when = "undated" if days is None else "today" if days == 0 else f"{days} days ago"
        self.put(when if days is None or days >= 0 else f"in {-days} days", what, **more)

    def put(self, when: str, what: str, **more: Any) -> None:
        if self.chance(0.04):
            more["modifier"] = True
        words = "; ".join(f"{key}={value}" for key, value in more.items() if value is not None)
        self.lines.append({when: f"{what} [{words}]" if words else what})

    def status(self, *usual: str) -> str:
        """Now and then one that does not count."""
        return self.pick.choice([*usual] * 6 + ["entered-in-error", "not-done", "unknown"])

    def reported(self) -> str:
        return self.pick.choice(["final"] * 10 + ["amended", "amended", "entered-in-error", "cancelled", "unknown"])

    def after(self, *days: int) -> int | None:
        """So many days after the operation, or a day to either side of it; now and then without a date."""
        if self.chance(0.05):
            return None
        return max(0, self.operated - self.pick.choice(days) - self.pick.choice([-1, 0, 0, 1]))

    def made(self) -> Vignette:
        self.orders()
        for part in (self.operations, self.failures, self.scores, self.other_signs, self.opioids, self.care):
            if self.chance(0.75):
                part()
        lanes = ["procedures", "conditions", "observations", "medications", "care_plans", "encounters"]
        unread = {}
        if self.chance(0.3):
            named = self.pick.sample(lanes, self.pick.choice([1, 1, 2]))
            unread = {lane: self.pick.choice(["partial", "unavailable"]) for lane in named}
        resources = chart(self.lines, AS_OF)
        return Vignette("made up", "both", AS_OF, resources, unread, {"chart": self.lines})

    def orders(self) -> None:
        for code in self.pick.sample(ORDERS[self.region], self.pick.choice([1, 1, 1, 2])):
            reasons = self.pick.sample(REASONS, self.pick.choice([0, 0, 1, 1, 2]))
            given = {"reason": " and ".join(reasons)} if reasons else {}
            self.lines.append({"today": f"Order {code} [{'; '.join(f'{k}={v}' for k, v in given.items())}]"})
        for _ in range(self.pick.choice([0, 0, 1, 2])):
            self.add(
                self.pick.choice([50, 700]), f"Condition {self.pick.choice(REASONS)}",
                status=self.pick.choice(["active"] * 5 + ["resolved", "inactive", "recurrence", "unknown", ""]),
                verification=self.pick.choice([None] * 6 + ["refuted", "entered-in-error"]),
            )  # fmt: skip

    def operations(self) -> None:
        earlier = self.pick.choice([0, 5, 13, 14, 15, 16, 300, 600])
        for number in range(self.pick.choice([1, 1, 1, 2])):
            days = self.operated + number * earlier
            outcome = self.pick.choice([None] * 5 + ["successful", "successful", "unsuccessful"])
            self.add(
                None if self.chance(0.05) else days,
                f"Procedure {self.pick.choice(OPERATIONS if self.chance(0.4) else ORDERS[self.region])}",
                status=self.status("completed", "completed", "completed"),
                outcome=outcome,
                reason=self.pick.choice([None] * 6 + ["ICD10CM M48.061", "ICD10CM M46.26", "SNOMED 94602001"]),
            )  # fmt: skip

    def failures(self) -> None:
        for _ in range(self.pick.choice([0, 1, 1, 2])):
            status = self.pick.choice(["active"] * 5 + ["resolved", "unknown", ""])
            ended = self.after(-100, -1, 0, 30) if status == "resolved" else None
            self.add(
                self.pick.choice([None, 20, 300, 900]), f"Condition {self.pick.choice(FAILURES)}",
                status=status, ended=f"{ended} days ago" if ended else None,
                verification=self.pick.choice([None] * 6 + ["refuted", "entered-in-error"]),
            )  # fmt: skip

    def scores(self) -> None:
        worst, points = {"97909-6": (100, 10), "82237-9": (50, 7.5), "72514-3": (10, 2)}, {}
        for code in self.pick.sample(sorted(worst), self.pick.choice([1, 1, 2])):
            scale, change = worst[code]
            was = self.pick.choice([0.2, 0.32, 0.4, 0.5, 0.8]) * scale
            points = {0: was, 1: was - change, 2: was * 0.7, 3: was - change + scale / 100, 4: was + scale / 10}
            if self.chance(0.7):
                self.score(code, self.operated + self.pick.choice([0, 1, 20, 500]), was)
            for days in self.pick.sample([90, 120, 400, 730], self.pick.choice([1, 1, 2])):
                value = self.pick.choice([*points.values(), 22.0, 23.0] if scale == 100 else [*points.values()])
                self.score(code, self.after(days), value)

    def score(self, code: str, days: int | None, value: float) -> None:
        unit = self.pick.choice([None, "%"]) if code == "82237-9" else None
        self.add(days, f"Score LOINC {code}", value=round(value, 2), unit=unit, status=self.reported())

    def other_signs(self) -> None:
        if self.chance(0.6):
            days = self.after(30, 29, 200)
            self.add(days, f"Procedure {self.pick.choice(INJECTIONS)}", status=self.status("completed", "completed"))
        if self.chance(0.15):
            self.add(self.after(60, 200) or 3, "Observation SNOMED 185479006", status=self.reported())

    def opioids(self) -> None:
        kind = self.pick.choice(["Dispense", "Dispense", "Prescription"])
        statuses = ["completed"] if kind == "Dispense" else ["active", "completed", "stopped"]
        for _ in range(self.pick.choice([0, 1, 1, 2])):
            self.add(
                self.after(90, 180, 135), f"{kind} {self.pick.choice(OPIOIDS)}",
                status=self.pick.choice(statuses * 5 + ["cancelled", "entered-in-error"]),
                supply=self.pick.choice([None, 30]),
            )  # fmt: skip
        for before in self.pick.choice([[], [], [200], [200, 260], [100, 300]]):
            supply = self.pick.choice([30, 45, 60, 89, 90])
            self.add(self.operated + before, f"{kind} {self.pick.choice(OPIOIDS)}", status="completed", supply=supply)

    def care(self) -> None:
        span = self.pick.choice([0, 42, 84, 182, 182]) + self.pick.choice([-1, 0, 0, 1])
        last = self.pick.choice([0, 1, 10, 100, 365 - max(span, 0)])
        for days in [last + max(span, 0), last, self.pick.choice([5, 365, 366, 400])][: self.pick.choice([1, 2, 2, 3])]:
            self.one_care(days)

    def one_care(self, days: int) -> None:
        match self.pick.choice(["Procedure"] * 5 + ["Medicine"] * 4 + ["Activity", "Encounter", "Order", "Period"]):
            case "Procedure":
                on = None if self.chance(0.07) else days
                status = self.status("completed", "completed", "in-progress")
                self.add(on, f"Procedure {self.pick.choice(CARE)}", status=status)
            case "Medicine":
                kind = self.pick.choice(["Prescription", "Prescription", "Dispense", "Statement", "Administration"])
                taken = ["completed"] if kind in ("Dispense", "Administration") else ["active", "completed", "stopped"]
                supply = self.pick.choice([None, None, 30, 42]) if kind in ("Prescription", "Dispense") else None
                status = self.pick.choice(taken * 5 + ["entered-in-error", "unknown"])
                on = None if self.chance(0.07) else days
                also = self.pick.choice([None, None, *MEDICINES, *OPIOIDS[:1]])
                what = f"{kind} {self.pick.choice(MEDICINES + OPIOIDS[:1])}"
                self.add(on, what, status=status, supply=supply, also=also)
            case "Activity":
                status = self.pick.choice(["in-progress", "completed", "completed", "not-started", "cancelled"])
                when = self.pick.choice([f"{days} days ago", f"{days + 30} days ago to {days} days ago"])
                plan = self.pick.choice([None] * 5 + ["completed", "entered-in-error", "revoked", "draft"])
                self.put(when, f"Activity {self.pick.choice(CARE)}", status=status, plan=plan)
            case "Encounter":
                status = self.pick.choice(["finished", "finished", "planned", "cancelled"])
                when = self.pick.choice([f"{days} days ago", f"{days} days ago", f"from {days} days ago"])
                self.put(when, f"Encounter {self.pick.choice(CARE)}", status=status)
            case "Order":
                status = self.pick.choice(["active", "completed"])
                self.lines.append({f"{days} days ago": f"Order {self.pick.choice(CARE)} [status={status}]"})
            case _:
                when = f"from {days} days ago" if self.chance(0.4) else f"{days + 40} days ago to {days} days ago"
                what = self.pick.choice(
                    ["Procedure CPT 97110", "Procedure CPT 98940", "Statement RXNORM 7258", "Prescription RXNORM 161"]
                )
                self.put(when, what, status=self.pick.choice(["completed", "entered-in-error", "completed"]))


# On each side of every limit: what else stands in the chart lets that one limit decide.


def around(limit: str, by: int) -> list[dict[str, str]]:
    """A chart that stands `by` units from where the limit does; 0 is on it."""
    score, ndi, pain = "Score LOINC 97909-6", "Score LOINC 82237-9", "Score LOINC 72514-3"
    fill, injection, therapy = "Dispense RXNORM 7804", "Procedure CPT 62323", "Procedure CPT 97110"
    poor, injected = {200: f"{score} [value=60]"}, {300: injection}
    lumbar, cervical = {0: "Order CPT 22612"}, {0: "Order CPT 22600"}
    operated = lumbar | {400: "Procedure CPT 63047"}
    before_neck = cervical | {400: "Procedure CPT 22551", 200: "Procedure CPT 62321"}
    forms = dict([(60, injection), (40, "Procedure CPT 98940")][: by + 1])
    lines: dict[str, dict[int, str]] = {
        "earlier_by": lumbar | {15 + by: "Procedure CPT 63047"},
        "staged_within": operated | {414 + by: "Procedure CPT 22558"},
        "score_from": operated | injected | {310 - by: f"{score} [value=60]"},
        "score_until": lumbar | injected | {1000: "Procedure CPT 63047", 270 - by: f"{score} [value=60]"},
        "odi_points": operated | injected | {420: f"{score} [value=40]", 250: f"{score} [value={30 + by}]"},
        "odi_percent": operated | injected | {420: f"{score} [value=32]", 250: f"{score} [value={22.4 + by / 4}]"},
        "odi_acceptable": operated | injected | {250: f"{score} [value={22 + by}]"},
        "ndi_points": before_neck | {420: f"{ndi} [value=50; unit=%]", 250: f"{ndi} [value={35 + by}; unit=%]"},
        "nrs_points": before_neck | {420: f"{pain} [value=8]", 250: f"{pain} [value={6 + by}]"},
        "nrs_percent": operated | injected | {420: f"{pain} [value=5]", 250: f"{pain} [value={3.5 + by / 25}]"},
        "injection_from": operated | poor | {370 - by: injection},
        "opioids_from": operated | poor | {310 - by: fill},
        "opioids_until": operated | poor | {220 - by: fill},
        "opioids_before": operated | poor | {300: fill, 600: f"{fill} [supply={90 + by}]"},
        "opioids_year": operated | poor | {300: fill, 765 + by: f"{fill} [supply=90]"},
        "look_back": {0: "Order CPT 63030", 365 + by: therapy, 323: "Procedure CPT 98940"},
        "bar_decompression": {0: "Order CPT 63030", 52 + by: therapy, 10: "Procedure CPT 98940"},
        "bar_other": {0: "Order CPT 22612 [reason=ICD10CM M43.16]", 94 + by: therapy, 10: "Procedure CPT 98940"},
        "bar_nonspecific_pain": {0: "Order CPT 22612 [reason=ICD10CM M54.50]", 192 + by: therapy, 10: injection},
        "least_modalities": {0: "Order CPT 63030", 99: therapy, 50: therapy} | forms,
    }
    return [{"today" if days == 0 else f"{days} days ago": what} for days, what in lines[limit].items()]


# What decides nothing, unless a rule is wrong.
NOISE = [
    {"1 year ago": "Condition ICD10CM M96.1 [verification=refuted]"},
    {"30 days ago": "Condition ICD10CM T84.63XS"},
    {"450 days ago": "Procedure CPT 63047 [status=not-done]"},
    {"460 days ago": "Procedure CPT 27279"},
    {"470 days ago": "Procedure CPT 22325"},
    {"100 days ago": "Score LOINC 97909-6 [value=90; status=entered-in-error]"},
    {"600 days ago": "Procedure CPT 62323"},
    {"100 days ago": "Procedure SNOMED 306170007"},
    {"100 days ago": "Procedure CPT 97810 [status=entered-in-error]"},
    {"100 days ago": "Order SNOMED 91251008 [status=completed]"},
    {"20 days ago": "Procedure SNOMED 311401005"},
    {"20 days ago": "Prescription RXNORM 10689 [status=cancelled]"},
    {"10 days ago": "Encounter CPT 97124 [status=planned]"},
]


def near_limits() -> Iterator[Vignette]:
    for number, limit in enumerate(limit for rule in ORACLE for limit in RULES[rule].PAGE["limits"]):
        for by in (-1, 0, 1):
            pick = random.Random(3 * number + by)  # noqa: S311 - made-up charts, no secrets
            lines = [*around(limit, by), *pick.sample(NOISE, 3)]
            yield Vignette(f"{limit} {by:+d}", "both", AS_OF, chart(lines, AS_OF), {}, {"chart": lines})


# The comparison, in one run of Node.

TOLD = [vignette for vignette in vignettes() if vignette.rule in ORACLE]
MADE = [*near_limits(), *(Maker(seed).made() for seed in range(GENERATED))]
ALL = [*TOLD, *MADE]

Answers = dict[int, dict[str, Any]]


@pytest.fixture(scope="module")
def answers() -> Answers:
    _install()
    return {id(vignette): said for vignette, said in zip(ALL, oracle(ALL), strict=True)}


def _install() -> None:
    """The compiler and the engine, once; a machine without Node goes without, but not in CI."""
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    if not (shutil.which("node") and shutil.which("npm")):
        give_up("the CQL oracle needs Node.js 20 or newer, with npm")
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    ran = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        give_up(f"npm ci could not install the CQL oracle: {ran.stderr[-500:]}")


def python_says(vignette: Vignette) -> dict[str, str]:
    return {finding.rule: str(finding.outcome) for finding in assessed(vignette).findings if finding.rule in ORACLE}


def disagreement(vignette: Vignette, rule: str, python: str, cql: dict[str, Any]) -> str:
    lines = "".join(f"\n    - {line}" for line in vignette.expected["chart"])
    return f"\n{rule}, {vignette.name}: Python {python}, CQL {cql}; unread {dict(vignette.unread)}{lines}"


def test_python_and_cql_agree_on_every_vignette_and_on_made_up_charts(answers: Answers) -> None:
    against = [
        disagreement(vignette, rule, python, answers[id(vignette)][rule])
        for vignette in ALL
        for rule, python in python_says(vignette).items()
        if python != answers[id(vignette)][rule]["outcome"]
    ]
    assert not against, "".join(against)


def test_made_up_charts_reach_every_outcome(answers: Answers) -> None:
    for rule in ORACLE:
        said = {answers[id(vignette)][rule]["outcome"] for vignette in MADE}
        assert said == set(RULES[rule].PAGE["outcomes"])


def test_the_lock_names_no_registry_host() -> None:
    packages = json.decode((HERE / "package-lock.json").read_bytes())["packages"]
    for path, package in packages.items():
        assert "resolved" not in package, path
        assert not path or package["integrity"].startswith("sha512-"), path
