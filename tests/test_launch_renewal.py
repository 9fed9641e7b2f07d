"""A token is renewed in time, or once the EHR refused it; a refresh token is used once, however many ask."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
from flask.testing import FlaskClient
from launches import BASE, Installation, Place, installation, journal_at, place
from sign_in import PATIENT
from sqlalchemy import event

from journal.launches import Launches
from smart_app.errors import LaunchEnded
from smart_app.launches import Launch

AT_ONCE = 8


@pytest.fixture
def there(tmp_path: Path, url: str) -> Iterator[Place]:
    with place(tmp_path, url=url) as made:
        yield made


@pytest.fixture
def browser(there: Place) -> FlaskClient:
    return there.app.browser()


def refreshes(there: Place) -> list[str]:
    return [request.form["refresh_token"] for request in there.server.tokens if "refresh_token" in request.form]


def page(app: Installation, browser: FlaskClient, launch: Launch) -> Launch:
    return app.launch_of(browser, f"/review/{launch.id}/")


def has_ended(browser: FlaskClient, launch: Launch) -> bool:
    return browser.get(f"/review/{launch.id}/", base_url=BASE).status_code == 401


def take_turn(there: Place, launch: Launch) -> None:
    """As a worker does that is about to renew it."""
    launches = Launches(there.journal.database, there.journal.keys)
    assert launches.take(f"turn {launch.id}", int(there.clock.now)) is not None


def all_at_once(renew: list[Callable[[], Launch]]) -> list[Launch]:
    barrier = Barrier(len(renew))

    def run(one: Callable[[], Launch]) -> Launch:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(renew)) as threads:
        return list(threads.map(run, renew))


def test_within_one_request_the_database_is_asked_for_the_launch_once(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    asked: list[str] = []
    event.listen(there.journal.database.reading.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    taken = browser.post(f"/review/{launch.id}/", base_url=BASE, data={"form_key": launch.form_key})
    assert taken.text == "taken" and len([statement for statement in asked if "launches" in statement]) == 1


def test_a_token_is_renewed_before_it_ends(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    there.clock.now += 3569
    assert page(there.app, browser, launch).access_token == launch.access_token
    there.clock.now += 2
    renewed = page(there.app, browser, launch)
    assert (renewed.access_token, renewed.expires_at) == ("access-2", there.clock.now + 3600)
    assert page(there.app, browser, launch) == renewed
    assert refreshes(there) == ["refresh-1"]


def test_patient_and_context_stay_and_scopes_may_become_fewer(there: Place, browser: FlaskClient) -> None:
    there.server.answer = {"encounter": "e1", "intent": "x"}
    launch = there.opened(browser)
    there.server.refreshed = {"scope": "patient/Patient.rs", "encounter": "e2", "patient": PATIENT, "intent": "y"}
    renewed = there.app.visits.renewed(launch)
    assert (renewed.patient, renewed.encounter, renewed.intent) == (PATIENT, "e1", "x")
    assert renewed.scopes == {"patient/Patient.rs"}
    assert (renewed.id, renewed.form_key, renewed.user_name) == (launch.id, launch.form_key, "Ada Okafor")


def test_where_no_new_refresh_token_comes_the_old_one_is_kept(there: Place, browser: FlaskClient) -> None:
    there.server.refreshed = {"refresh_token": ...}
    launch = there.opened(browser)
    there.app.visits.renewed(there.app.visits.renewed(launch))
    assert refreshes(there) == ["refresh-1", "refresh-1"]


def test_whoever_holds_an_old_token_gets_the_one_that_is_there(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    renewed = there.app.visits.renewed(launch)
    assert there.app.visits.renewed(launch) == renewed
    assert refreshes(there) == ["refresh-1"]


def test_and_does_not_wait_for_who_is_renewing_it_again(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    renewed = there.app.visits.renewed(launch)
    take_turn(there, launch)
    assert there.app.visits.renewed(launch) == renewed


def test_threads_that_renew_at_once_use_the_refresh_token_once(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    renewed = all_at_once([lambda: there.app.visits.renewed(launch)] * AT_ONCE)
    assert {each.access_token for each in renewed} == {"access-2"}
    assert refreshes(there) == ["refresh-1"]


def test_two_workers_that_renew_at_once_use_the_refresh_token_once(
    there: Place, browser: FlaskClient, url: str
) -> None:
    launch = there.opened(browser)
    with journal_at(url) as journal:
        other = installation(journal, there.app.visits.trust, clock=there.clock)
        both = [app.visits for app in (there.app, other) for _ in range(AT_ONCE // 2)]
        renewed = all_at_once([partial(visits.renewed, launch) for visits in both])
        assert {each.access_token for each in renewed} == {"access-2"}
        assert refreshes(there) == ["refresh-1"]


def test_a_worker_that_waits_is_told_when_the_other_got_none(there: Place, browser: FlaskClient, url: str) -> None:
    launch = there.opened(browser)
    there.server.way["/token"] = lambda: (400, b'{"error":"invalid_grant"}', {})
    with journal_at(url) as journal:
        other = installation(journal, there.app.visits.trust, clock=there.clock)
        both = [there.app.visits, other.visits]
        with ThreadPoolExecutor(2) as threads:
            failed = [threads.submit(visits.renewed, launch) for visits in both]
            assert all(isinstance(each.exception(), LaunchEnded) for each in failed)
    assert there.server.paths.count("/token") == 2  # one for the code


def test_a_worker_that_died_while_renewing_ends_the_launch(
    there: Place, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smart_app.sign_in.kept_launches._PATIENCE", 0.1)
    launch = there.opened(browser)
    take_turn(there, launch)
    with pytest.raises(LaunchEnded):
        there.app.visits.renewed(launch)
    assert refreshes(there) == []
    assert page(there.app, browser, launch).refresh_token == ""


@pytest.mark.parametrize("launch_token", ["xyz", None])
def test_a_token_that_cannot_be_renewed_ends_the_launch(
    there: Place, browser: FlaskClient, launch_token: str | None
) -> None:
    there.server.answer = {"refresh_token": ...}
    launch = there.opened(browser, launch_token)
    with pytest.raises(LaunchEnded) as ended:
        there.app.visits.renewed(launch)
    assert ended.value.again == ("" if launch_token else there.server.url)
    there.clock.now += 3601
    assert has_ended(browser, launch)
    shown = browser.get(f"/review/{launch.id}/", base_url=BASE).text
    assert ("Open again" in shown) is (launch_token is None)


def test_a_token_that_still_lasts_is_used_though_it_cannot_be_renewed(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    there.server.way["/token"] = lambda: (503, b"", {})
    there.clock.now += 3580
    assert page(there.app, browser, launch).access_token == launch.access_token
    there.clock.now += 30
    assert has_ended(browser, launch)
    assert there.server.paths.count("/token") == 2


def test_a_token_of_another_patient_is_refused(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    there.server.refreshed = {"patient": "somebody-else"}
    with pytest.raises(LaunchEnded):
        there.app.visits.renewed(launch)
    assert page(there.app, browser, launch).access_token == launch.access_token
    with pytest.raises(LaunchEnded):
        there.app.visits.renewed(launch)
    assert len(refreshes(there)) == 1


def test_while_the_ehr_says_nothing_of_itself_the_refresh_token_is_kept(
    there: Place, browser: FlaskClient, url: str
) -> None:
    launch = there.opened(browser)
    configuration = "/fhir/r4/.well-known/smart-configuration"
    with journal_at(url) as journal:
        later = installation(journal, there.app.visits.trust, clock=there.clock)
        there.server.way[configuration] = lambda: (503, b"", {})
        with pytest.raises(LaunchEnded):
            later.visits.renewed(launch)
    assert there.app.visits.renewed(launch).access_token == "access-2"  # noqa: S105


def test_a_launch_is_over_after_twelve_hours(there: Place, browser: FlaskClient) -> None:
    launch = there.opened(browser)
    there.clock.now += 12 * 60 * 60 - 1
    renewed = page(there.app, browser, launch)
    there.clock.now += 1
    assert has_ended(browser, launch)
    with pytest.raises(LaunchEnded):
        there.app.visits.renewed(renewed)
