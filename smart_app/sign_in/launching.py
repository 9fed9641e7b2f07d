"""From /launch to the EHR's sign-in and back at /callback: what is asked, what is checked, what is kept of it."""

import time
from collections.abc import Callable, Mapping
from secrets import token_urlsafe

from msgspec import Struct, json

from ehr.trust import SmartEhr, Trust
from ehr.wire import Wire
from journal.launches import Launches
from smart_app.errors import LaunchFailed
from smart_app.launch import Authorization
from smart_app.launches import Launch
from smart_app.sign_in.configuration import Configuration, Configurations
from smart_app.sign_in.credentials import Credentials
from smart_app.sign_in.identity import Identities, User
from smart_app.sign_in.registration import REGISTRATION
from smart_app.sign_in.scopes import scopes_for
from smart_app.sign_in.token_answer import banner_of, hints_of, id_of, orders_of, words_of
from smart_app.sign_in.tokens import Asked, NoToken, Tokens, new_request, with_tokens

_TO_SIGN_IN = 10 * 60  # seconds
_LONGEST = 4096
_CONNECTIONS = 8


class _Pending(Struct, frozen=True):
    """Sent to sign in, and not back yet. `browser` is a keyed hash."""

    iss: str
    browser: str
    asked: Asked


class Launching:
    """Shared by all threads; what it must remember is in the database, so that any worker answers."""

    def __init__(
        self,
        trust: Trust,
        launches: Launches,
        credentials: Credentials,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trust = trust
        self._launches, self._credentials, self._clock = launches, credentials, clock
        self._wire = Wire(_CONNECTIONS)
        self._configurations = Configurations(self._wire, monotonic)
        self._identities = Identities(self._wire, monotonic)

    def begin(self, iss: str, launch: str | None, browser: str) -> str:
        """Where to send the browser (a keyed hash of it is enough). Raises LaunchFailed."""
        if len(iss) > _LONGEST:  # any number of slashes at its end is the same place
            raise LaunchFailed("unknown_ehr")
        ehr = self._ehr(iss)
        if launch and len(launch) > _LONGEST:
            raise LaunchFailed("unknown")
        found = self._configurations.of(ehr.iss)
        scopes = " ".join(scopes_for(found.capabilities, found.scopes_supported))
        asked = new_request(iss, self.trust.base_url + REGISTRATION.paths.redirect, scopes, launch or None)
        now = int(self._clock())
        pending = json.encode(_Pending(ehr.iss, browser, asked)).decode()
        self._launches.keep(f"pending {asked.state}", pending, now, now + _TO_SIGN_IN)
        return Authorization(ehr, found, self._credentials, self._wire).address(asked)

    def finish(self, answer: Mapping[str, str], browser: str) -> tuple[Launch, str]:
        """The launch, and where it may be opened again without a chart. Its state is used up, whatever comes of it.

        Only its own browser uses it up: who merely sees the address cannot spoil it. `browser` is '' for one that sent
        no cookie. Raises LaunchFailed.
        """
        state = answer.get("state", "")
        pending = self._pending(state)
        ehr = self._ehr(pending.iss)
        if not browser:
            raise LaunchFailed("no_cookie", pending.iss)
        if browser != pending.browser:
            raise LaunchFailed("other_browser")
        if self._launches.take(f"pending {state}", int(self._clock())) is None:
            raise LaunchFailed("unknown")
        again = "" if pending.asked.launch else ehr.iss
        found = self._configurations.of(ehr.iss)
        code = _code_in(answer, found, again)
        try:
            tokens = Authorization(ehr, found, self._credentials, self._wire).exchange(pending.asked, code)
        except NoToken:
            raise LaunchFailed("no_token", again) from None
        id_token = words_of(tokens.said.get("id_token"), 4 * _LONGEST)
        user = self._identities.user_of(id_token, found, ehr.client_id, pending.asked.nonce, ehr.iss)
        return self._launch(ehr, pending.asked, tokens, user, again), again

    def renew(self, launch: Launch) -> Launch:
        """With a new token, which uses up the refresh token. Raises NoToken, also if it is for another patient."""
        ehr = self._ehr(launch.iss)
        authorization = Authorization(ehr, self._configurations.of(ehr.iss), self._credentials, self._wire)
        return with_tokens(launch, authorization.refresh(launch.refresh_token), int(self._clock()))

    def _ehr(self, iss: str) -> SmartEhr:
        ehr = self.trust.smart_ehr(iss)
        if ehr is None:
            raise LaunchFailed("unknown_ehr")
        return ehr

    def _pending(self, state: str) -> _Pending:
        words = self._launches.get(f"pending {state}", int(self._clock()))
        if words is None:
            raise LaunchFailed("unknown")
        return json.decode(words, type=_Pending)

    def _launch(self, ehr: SmartEhr, asked: Asked, tokens: Tokens, user: User, again: str) -> Launch:
        said = tokens.said
        patient, hints = id_of(said.get("patient")), hints_of(said.get("appContext"))
        if not patient:
            raise LaunchFailed("no_patient", again)
        launch = Launch(
            id=token_urlsafe(32),
            form_key=token_urlsafe(32),
            iss=ehr.iss,
            patient=patient,
            encounter=id_of(said.get("encounter")),
            user=user.reference,
            user_name=self._identities.name_of(user, ehr.iss, tokens.access),
            scopes=frozenset(asked.scopes.split()),
            need_patient_banner=banner_of(said.get("need_patient_banner")),
            style_url=words_of(said.get("smart_style_url")),
            intent=words_of(said.get("intent")),
            tenant=words_of(said.get("tenant")),
            orders=orders_of(said.get("fhirContext")),
            card=hints.card,
            findings=hints.findings,
        )
        return with_tokens(launch, tokens, int(self._clock()))


def _code_in(answer: Mapping[str, str], found: Configuration, again: str) -> str:
    """Raises LaunchFailed. What the EHR says of an error is written by whoever sent the browser here: never shown."""
    issuer, is_named = answer.get("iss"), found.authorization_response_iss_parameter_supported
    if (issuer is None and is_named) or (issuer is not None and found.issuer not in ("", issuer)):
        raise LaunchFailed("other_issuer", again)
    if "error" in answer or not answer.get("code"):
        raise LaunchFailed("denied" if answer.get("error") == "access_denied" else "ehr_error", again)
    return answer["code"]
