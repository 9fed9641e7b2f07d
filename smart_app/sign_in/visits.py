"""The launches of this installation as its routes see them: each belongs to the browser that opened it."""

import time
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any

from flask import g, redirect, request
from werkzeug.wrappers import Response

from ehr.trust import Trust
from journal.journal import Journal
from journal.launches import Launches
from smart_app.errors import FormRefused, LaunchEnded
from smart_app.launches import Launch
from smart_app.sign_in.browser import browser_cookie, known_browser, new_browser, remember
from smart_app.sign_in.credentials import Credentials
from smart_app.sign_in.kept_launches import KeptLaunches
from smart_app.sign_in.launching import Launching
from smart_app.sign_in.page_headers import framed_by


class Visits:
    """Made once, before workers part; its methods belong to the request under way."""

    def __init__(
        self, trust: Trust, journal: Journal, credentials: Credentials, clock: Callable[[], float] = time.time
    ) -> None:
        self.trust, self._credentials, self._keys = trust, credentials, journal.keys
        launches = Launches(journal.database, journal.keys)
        self._launching = Launching(trust, launches, credentials, clock)
        self._kept = KeptLaunches(launches, self._launching.renew, clock)
        self._cookie = browser_cookie(trust.base_url.startswith("https:"))

    @property
    def published_keys(self) -> list[dict[str, Any]]:
        return [self._credentials.key.public] if self._credentials.key else []

    def begin(self, iss: str, launch: str | None) -> Response:
        """Sends the browser to the EHR's sign-in. Raises LaunchFailed."""
        browser = known_browser(self._cookie) or new_browser()
        response = redirect(self._launching.begin(iss, launch, self._hashed(browser)))
        remember(response, self._cookie, browser)
        return response

    def finish(self, answer: Mapping[str, str]) -> Launch:
        """Raises LaunchFailed."""
        browser = self._hashed(known_browser(self._cookie))
        launch, again = self._launching.finish(answer, browser)
        self._kept.keep(launch, browser, again)
        return launch

    def launch_of(self, launch_id: str) -> Launch:
        """The launch whose page is asked for, with a token that is still good; looked up once. Raises LaunchEnded."""
        known: Launch | None = g.get("launch_of_request")
        if known and known.id == launch_id:
            return known
        launch = self._kept.launch_of(launch_id, self._hashed(known_browser(self._cookie)))
        ehr = self.trust.smart_ehr(launch.iss)
        if ehr is None:
            raise LaunchEnded
        framed_by(ehr.frame_ancestors)
        g.launch_of_request = launch
        return launch

    def renewed(self, launch: Launch) -> Launch:
        """With a new token, after the EHR refused this one. Raises LaunchEnded."""
        return self._kept.renewed(launch)

    def _hashed(self, browser: str) -> str:
        return browser and self._keys.hashed("launch", "browser", browser)


def check_form(launch: Launch) -> None:
    """Raises FormRefused for a form that no page of this launch sent; asked of every POST below /review."""
    if not compare_digest(request.form.get("form_key", "").encode(), launch.form_key.encode()):
        raise FormRefused
