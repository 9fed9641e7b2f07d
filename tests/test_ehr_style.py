"""The EHR's own look is fetched from that EHR alone, and now and then; without it the page has ours."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from fhir_server import BASE, FakeServer, Way, body, fhir_server, hang, redirect, status

from ehr.trust import SmartEhr, Trust
from smart_app.launches import Launch
from smart_app.review.ehr_style import EhrStyles

STYLE = b'{"color_background": "#ffffff"}'


@pytest.fixture
def ehr() -> Iterator[FakeServer]:
    with fhir_server() as server:
        server.ways = {"style.json": body(STYLE)}
        yield server


def launch(ehr: FakeServer, style_url: str) -> Launch:
    return Launch(id="a", form_key="b", iss=ehr.url, patient="p", style_url=style_url)


def trusting(ehr: FakeServer, *frame_ancestors: str) -> Trust:
    return Trust("https://us.example", smart_ehrs=(SmartEhr(ehr.url, "us", "public", frame_ancestors),))


def test_an_ehrs_style_is_asked_for_once_in_a_while(ehr: FakeServer) -> None:
    with closing(EhrStyles(trusting(ehr))) as styles:
        assert {styles.of(launch(ehr, f"{ehr.url}/style.json")) for _ in range(3)} == {STYLE}
    assert len(ehr.asked) == 1


def test_a_site_that_may_frame_the_app_may_style_it(ehr: FakeServer) -> None:
    with fhir_server() as other, closing(EhrStyles(trusting(other, ehr.url.removesuffix(BASE)))) as styles:
        assert styles.of(launch(other, f"{ehr.url}/style.json")) == STYLE


@pytest.mark.parametrize("url", ["", "https://evil.example/style.json", "//[", "file:///etc/passwd", "style.json"])
def test_no_other_place_is_asked(ehr: FakeServer, url: str) -> None:
    with closing(EhrStyles(trusting(ehr))) as styles:
        assert styles.of(launch(ehr, url)) == b""
    assert ehr.asked == []


def test_an_ehr_that_is_listed_no_more_is_asked_for_its_own_only(ehr: FakeServer) -> None:
    with closing(EhrStyles(Trust("https://us.example"))) as styles:
        assert styles.of(launch(ehr, f"{ehr.url}/style.json")) == STYLE


@pytest.mark.parametrize("way", [status(404), redirect("https://evil.example/"), hang])
def test_a_style_that_is_not_to_be_had_is_none(ehr: FakeServer, way: Way) -> None:
    ehr.ways = {"style.json": way}
    with closing(EhrStyles(trusting(ehr))) as styles:
        assert styles.of(launch(ehr, f"{ehr.url}/style.json")) == b""
