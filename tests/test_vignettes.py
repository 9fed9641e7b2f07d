"""Clinical behaviour is tested in fixtures/vignettes only; four guards make a half-rule impossible."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fixtures.vignettes import Vignette, vignettes
from fixtures.worked_examples import record_of
from second_opinion import planned_surgery, silence
from second_opinion.assess import Assessment, assess
from second_opinion.data_needs import prefetch_templates
from second_opinion.limits import Limits, Page
from second_opinion.planned_surgery import in_chart
from second_opinion.rules import RULES

ALL = vignettes()
PAGES: dict[str, Page] = {name: rule.PAGE for name, rule in RULES.items()} | {
    "silence": silence.PAGE,
    "planned_surgery": planned_surgery.PAGE,
}


RECORDS = {(vignette.rule, vignette.name): record_of(vignette) for vignette in ALL}


def assessed(vignette: Vignette, limits: Mapping[str, Limits] | None = None) -> Assessment:
    record = RECORDS.get((vignette.rule, vignette.name)) or record_of(vignette)
    surgery = in_chart(record, (limits or {}).get("planned_surgery"))
    return assess(record, surgery, limits=limits, hook=vignette.expected.get("hook", ""))


def objections(vignette: Vignette, limits: Mapping[str, Limits] | None = None) -> list[str]:
    """What a vignette has against the answer; empty when it agrees."""
    answer, expected = assessed(vignette, limits), vignette.expected
    finding = next((finding for finding in answer.findings if finding.rule == vignette.rule), None)
    surgery, quiet = answer.surgery, answer.silence
    seen: dict[str, Any] = {
        "then": str(finding.outcome) if finding else None,
        "says": finding.says if finding else "",
        "indicator": answer.indicator,
        "settled": sorted(answer.settled),
        "silenced_by": quiet.reason if quiet else None,
        "kind": surgery.kind if surgery else None,
        "regions": sorted(surgery.regions) if surgery else None,
        "by": surgery.by if surgery else None,
        "could_not_read": list(finding.could_not_read) if finding else None,
    }
    against = [
        f"{key}: expected {expected[key]!r}, got {seen[key]!r}"
        for key in seen.keys() & expected.keys()
        if (expected[key] not in seen[key] if key == "says" else expected[key] != seen[key])
    ]
    if finding and (words := expected.get("never_says")) and words in str(finding).lower():
        against.append(f"{words!r} is said in {finding}")
    signs = {(evidence.sign, evidence.shows) for evidence in finding.evidence} if finding else set()
    for sign, words in expected.get("evidence", {}).items():
        if not any(sign == seen_sign and words in shows for seen_sign, shows in signs):
            against.append(f"no evidence {sign}: {words!r} among {sorted(signs)}")
    return against


@pytest.mark.parametrize("vignette", ALL, ids=lambda vignette: f"{vignette.rule}: {vignette.name}")
def test_vignette(vignette: Vignette) -> None:
    assert objections(vignette) == []


def test_every_vignette_is_valid_fhir() -> None:
    for vignette in ALL:
        for resource in vignette.resources:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_every_vignette_expects_something_we_check() -> None:
    keys = {
        "then",
        "says",
        "indicator",
        "silenced_by",
        "kind",
        "regions",
        "by",
        "could_not_read",
        "evidence",
        "never_says",
        "settled",
    }
    for vignette in ALL:
        assert keys & vignette.expected.keys(), vignette.name
        assert vignette.expected.keys() <= keys | {"name", "chart", "unread", "note", "register", "hook"}, vignette.name


def test_names_are_used_once() -> None:
    names = [(vignette.rule, vignette.name) for vignette in ALL]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", RULES)
def test_every_outcome_has_a_vignette(name: str) -> None:
    shown = {vignette.expected.get("then") for vignette in ALL if vignette.rule == name}
    assert shown - {None} == set(PAGES[name]["outcomes"])


@pytest.mark.parametrize("name", PAGES)
def test_every_limit_has_a_reference_and_no_reference_is_unconfirmed(name: str) -> None:
    page = PAGES[name]
    for limit in page["limits"].values():
        assert limit["reference"] in page["references"]
    for reference in page["references"].values():
        assert reference["citation"]
        assert reference["mark"].startswith(("confirmed", "project"))


def every_limit() -> list[tuple[str, str]]:
    return [(name, limit) for name, page in PAGES.items() for limit in page["limits"]]


@pytest.mark.parametrize("by", [-1, 1], ids=["one less", "one more"])
@pytest.mark.parametrize(("name", "limit"), every_limit())
def test_a_limit_moved_by_one_unit_makes_some_vignette_object(name: str, limit: str, by: int) -> None:
    limits = {name: PAGES[name].limits_on(date(2026, 11, 22)).moved(limit, by)}
    content = sorted(all_content(), key=lambda vignette: vignette.rule != name)  # the rule's own are quickest to object
    assert any(objections(vignette, limits) for vignette in content), f"no vignette notices {limit} moved by {by}"


@cache
def all_content() -> tuple[Vignette, ...]:
    """The vignettes that agree as things stand: one that objects anyway would notice nothing."""
    return tuple(vignette for vignette in ALL if not objections(vignette))


# Told under the code or the words of the operation, or under a code that says nothing: no search asks for them all.
NOT_ASKED_FOR = {
    "An observation that tells which operation was declined",
    "An observation that tells in words which operation was declined",
    "An observation whose value alone says that a procedure was declined",
}


def test_observations_that_are_judged_are_asked_for() -> None:
    asked = parse_qs(prefetch_templates("order-sign")["observations"])["code"][0].split(",")
    noticed = set()
    for vignette in ALL:
        sent = [each for each in vignette.resources if each["resourceType"] != "Observation" or _codes(each) & {*asked}]
        if len(sent) < len(vignette.resources):
            as_sent = replace(vignette, name=f"{vignette.name}, as asked for", resources=sent)
            noticed |= {vignette.name} if objections(as_sent) else set()
    assert noticed == NOT_ASKED_FOR
    assert len(set(asked)) == len(asked)


def _codes(observation: Mapping[str, Any]) -> set[str]:
    return {f"{coding['system']}|{coding['code']}" for coding in observation["code"].get("coding", ())}


@pytest.mark.parametrize("name", RULES)
def test_a_reviewed_rule_names_its_reviewer_and_dates(name: str) -> None:
    page = PAGES[name]
    assert page["status"] in ("draft", "reviewed")
    if page["status"] == "reviewed":
        assert all(page["review"][key] for key in ("reviewer", "signed", "next_review"))
