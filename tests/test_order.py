"""The order in which a file lists its entries changes nothing."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from fixtures.vignettes import Vignette, vignettes
from second_opinion.assess import as_json, assess
from second_opinion.from_fhir import read_bundle
from second_opinion.planned_surgery import in_chart

ALL = vignettes()


def answer(vignette: Vignette, resources: list[dict[str, Any]]) -> dict[str, Any]:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    record = read_bundle(json.encode(bundle), vignette.as_of)
    return as_json(assess(record, in_chart(record)), "chart.json")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_shuffling_the_entries_changes_nothing(data: st.DataObject) -> None:
    vignette = data.draw(st.sampled_from(ALL))
    shuffled = data.draw(st.permutations(vignette.resources))
    assert answer(vignette, shuffled) == answer(vignette, vignette.resources)


def test_a_second_run_says_the_same() -> None:
    for vignette in ALL[::10]:
        assert answer(vignette, vignette.resources) == answer(vignette, vignette.resources)
