"""The app in a real browser, framed by an EHR on another site: strict SMART, and a third-party FHIR server."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from chromium import FLAGS, program, serious
from flask import Flask, request
from journal_examples import opened
from msgspec import json
from playwright.sync_api import Browser, FrameLocator, Page, expect
from smart_ehr import DANIEL, RUTH, TODAY, RunningEhr, smart_ehr

from ehr.look_up import LookUp
from ehr.trust import SmartEhr, Trust
from journal.journal import Journal
from plugin.app import create_app
from sandbox.smart.clients import EVERYTHING, Client
from sandbox.smart.ehr import SandboxEhr
from smart_app.chart.reading import MOST_PAGES
from smart_app.door import create_blueprint

FRAME = '<!doctype html><title>EHR</title><iframe id="app" src="{}" width="{}" height="860"></iframe>'
APP = "second-opinion"


@contextmanager
def app_and_ehr(sekmet: str, journal: Journal, scopes: str = EVERYTHING) -> Iterator[RunningEhr]:
    """The app at http://localhost:PORT, the EHR at http://127.0.0.1:PORT: two sites, as in a hospital."""
    look_up = LookUp(60.0, most_pages=MOST_PAGES)

    def served(ehr: SandboxEhr) -> Flask:
        here = ehr.origin.replace("127.0.0.1", "localhost")
        trust = Trust(here, smart_ehrs=(SmartEhr(ehr.fhir_base, APP, "public", (ehr.origin,)),))
        pages = create_blueprint(trust, journal, look_up, today=lambda: TODAY)
        app = create_app(here, lambda: TODAY, journal=journal, pages=[pages])
        app.add_url_rule("/ehr", "ehr", lambda: FRAME.format(escape(request.args["src"]), request.args["width"]))
        return app

    def clients(port: int) -> list[Client]:
        return [Client(APP, (f"http://localhost:{port}/callback",), scopes=scopes)]

    with smart_ehr(sekmet, clients, served) as ehr:
        yield ehr
    look_up.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as made:
        yield made


@pytest.fixture
def ehr(sekmet: str, journal: Journal) -> Iterator[RunningEhr]:
    with app_and_ehr(sekmet, journal) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context.new_page()


@pytest.fixture
def blocked(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser whose user lets no site keep anything."""
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    settings.write_text('{"profile": {"default_content_setting_values": {"cookies": 2}}}')
    context = browser.browser_type.launch_persistent_context(tmp_path, executable_path=program(), args=FLAGS)
    yield context.new_page()
    context.close()


def app_of(ehr: RunningEhr) -> str:
    return ehr.ehr.origin.replace("127.0.0.1", "localhost")


def framed(page: Page, ehr: RunningEhr, patient: str = RUTH, width: int = 1240, **context: str) -> FrameLocator:
    """The EHR opens the app in a frame of a page of its own."""
    address = ehr.launch_url(f"{app_of(ehr)}/launch", patient, **context)
    page.goto(f"{ehr.ehr.origin}/ehr?{urlencode({'src': address, 'width': width})}")
    return page.frame_locator("#app")


def opens_alone(page: Page, ehr: RunningEhr, patient: str = "Ruth Keller") -> None:
    """Standalone: the EHR is chosen, then the patient."""
    page.goto(f"{app_of(ehr)}/launch")
    page.get_by_role("link", name=ehr.ehr.fhir_base).click()
    page.get_by_role("button", name=patient).click()
    expect(page.get_by_text(patient).first).to_be_visible()


def told(page: Page) -> list[str]:
    """Every address that was asked for, every cookie, everything the page holds or prints."""
    cookies = [f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies()]
    return [*(frame.url for frame in page.frames), *(frame.content() for frame in page.frames), *cookies]


def test_the_chart_is_shown_in_a_frame_of_another_site(page: Page, ehr: RunningEhr) -> None:
    app = framed(page, ehr)
    expect(app.get_by_text("Ruth Keller").first).to_be_visible()
    expect(app.get_by_role("link", name="Refer for second opinion")).to_be_visible()
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "None")


def test_a_framed_page_says_nothing_on_the_console_and_asks_no_other_site(page: Page, ehr: RunningEhr) -> None:
    said: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    app = framed(page, ehr)
    expect(app.locator("main svg:not(.icon)").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [each for each in said if "favicon" not in each and "404" not in each] == []
    assert asked == {urlsplit(ehr.ehr.origin).netloc, urlsplit(app_of(ehr)).netloc}


def test_no_token_stands_in_a_cookie_an_address_or_a_page(page: Page, ehr: RunningEhr) -> None:
    expect(framed(page, ehr).get_by_text("Ruth Keller").first).to_be_visible()
    (answer,) = [json.decode(seen.answer) for seen in ehr.seen("token")]
    secrets = [answer[name] for name in ("access_token", "refresh_token", "id_token")]
    assert all(secrets)
    for where in told(page):
        assert not [secret for secret in secrets if secret in where]


def test_the_cards_link_leads_to_the_finding_it_spoke_of(page: Page, ehr: RunningEhr) -> None:
    context = json.encode({"v": 1, "card": "a-card", "findings": ["indication"]}).decode()
    app = framed(page, ehr, app_context=context)
    expect(app.locator("#finding-indication")).to_be_in_viewport()


def test_the_app_opens_without_an_ehrs_frame(page: Page, ehr: RunningEhr) -> None:
    opens_alone(page, ehr)
    assert page.url.startswith(f"{app_of(ehr)}/review/")


def test_an_expired_token_is_renewed_without_a_word(page: Page, ehr: RunningEhr) -> None:
    opens_alone(page, ehr)
    ehr.expire_tokens()
    page.wait_for_timeout(100)
    page.get_by_role("link", name="Read again").click()
    expect(page.get_by_text("Ruth Keller").first).to_be_visible()
    assert [dict(seen.form)["grant_type"] for seen in ehr.seen("token")] == ["authorization_code", "refresh_token"]


def test_two_tabs_with_two_patients_never_mix(browser: Browser, ehr: RunningEhr) -> None:
    with browser.new_context() as context:
        ruth, daniel = context.new_page(), context.new_page()
        of_ruth, of_daniel = framed(ruth, ehr), framed(daniel, ehr, DANIEL)
        expect(of_daniel.get_by_text("Daniel Osei").first).to_be_visible()
        for tab, app, name, other in ((ruth, of_ruth, "Ruth", "Daniel"), (daniel, of_daniel, "Daniel", "Ruth")):
            tab.frames[1].goto(tab.frames[1].url)
            expect(app.get_by_text(name).first).to_be_visible()
            assert other not in tab.frames[1].content()


def test_a_copied_address_opens_nothing_elsewhere(browser: Browser, page: Page, ehr: RunningEhr) -> None:
    opens_alone(page, ehr)
    with browser.new_context() as elsewhere:
        thief = elsewhere.new_page()
        answer = thief.goto(page.url)
        assert answer and answer.status == 401
        expect(thief.get_by_role("heading", name="This session has ended")).to_be_visible()
        assert "Ruth" not in thief.content()


def test_blocked_cookies_are_explained_and_never_loop(blocked: Page, ehr: RunningEhr) -> None:
    app = framed(blocked, ehr)
    expect(app.get_by_role("heading", name="Your browser kept no cookie")).to_be_visible()
    expect(app.get_by_role("link", name="Open in a new window")).to_have_attribute("target", "_blank")
    assert len(ehr.seen("token")) == 0


def test_what_the_scopes_do_not_allow_could_not_be_checked(page: Page, sekmet: str, journal: Journal) -> None:
    scopes = "launch openid fhirUser patient/Patient.rs patient/ServiceRequest.rs patient/Condition.rs"
    with app_and_ehr(sekmet, journal, scopes) as ehr:
        app = framed(page, ehr)
        expect(app.get_by_text("could not be checked").first).to_be_visible()
        expect(app.get_by_text("Ruth Keller").first).to_be_visible()


def test_a_referral_is_accepted_in_the_frame_seen_in_the_ehr_and_taken_back(page: Page, ehr: RunningEhr) -> None:
    def referrals() -> list[str]:
        found = ehr.get(f"ServiceRequest?patient={RUTH}&_count=100")["entry"]
        return [each["resource"]["status"] for each in found if "University Spine" in json.encode(each).decode()]

    app = framed(page, ehr)
    app.get_by_role("link", name="Refer for second opinion").click()
    app.get_by_label("To whom").fill("Dr. Ada Quist, University Spine Clinic")
    app.get_by_role("button", name="See what will be written").click()
    expect(app.get_by_text("University Spine Clinic").first).to_be_visible()
    assert referrals() == []  # a preview writes nothing
    app.get_by_role("button", name="Write it to the EHR").click()
    expect(app.get_by_role("button", name="Undo")).to_be_visible()
    assert referrals() == ["active"]
    app.get_by_role("button", name="Undo").click()
    expect(app.get_by_role("button", name="Undo")).to_have_count(0)
    assert "active" not in referrals()


def test_without_the_scope_to_write_there_is_text_to_copy(page: Page, sekmet: str, journal: Journal) -> None:
    with app_and_ehr(sekmet, journal, "launch openid fhirUser patient/*.rs") as ehr:
        app = framed(page, ehr)
        app.get_by_role("link", name="Refer for second opinion").click()
        app.get_by_label("To whom").fill("Dr. Ada Quist")
        app.get_by_role("button", name="See what will be written").click()
        expect(app.get_by_role("button", name="Write it to the EHR")).to_have_count(0)
        expect(app.get_by_role("textbox").filter(has_text="Dr. Ada Quist")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_a_side_bar_as_it_fits_a_screen_and_keeps_nobody_out(page: Page, ehr: RunningEhr, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opens_alone(page, ehr)
    expect(page.locator("main svg:not(.icon)").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert serious(page) == []


def test_a_hostile_chart_shows_as_text(page: Page, ehr: RunningEhr) -> None:
    hostile = "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>"
    ruth = ehr.get(f"Patient/{RUTH}")
    ruth["name"] = [{"text": f"Ruth {hostile}"}]
    assert ehr.fhir("PUT", f"Patient/{RUTH}", ehr.token_for(RUTH), ruth).status < 300
    app = framed(page, ehr)
    expect(app.get_by_text("<script>").first).to_be_visible()
    assert "taken" != page.frames[1].title()
