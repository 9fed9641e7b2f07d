"""A launch: whose chart was opened, by whom, in which EHR, and what that EHR allows."""

import re

from msgspec import Struct


class Launch(Struct, frozen=True, kw_only=True):
    """One opening of the app. Every launch has pages of its own, so that two charts in two tabs never mix.

    `id` names its pages (/review/<id>/) and is random; `form_key` is asked of every form; `card` and `findings` come
    from the card's link (appContext) and are only hints; `expires_at` is when the access token ends (Unix seconds).
    """

    id: str
    form_key: str
    iss: str  # the FHIR server's address, as the trust file spells it
    patient: str  # its FHIR id
    encounter: str = ""
    user: str = ""  # 'Practitioner/7', as fhirUser says
    user_name: str = ""
    scopes: frozenset[str] = frozenset()  # those granted
    need_patient_banner: bool = True
    style_url: str = ""
    intent: str = ""
    tenant: str = ""
    orders: tuple[str, ...] = ()  # of fhirContext: references that may be the planned operation
    card: str = ""
    findings: tuple[str, ...] = ()
    access_token: str = ""
    refresh_token: str = ""
    expires_at: int = 0

    def __repr__(self) -> str:
        return "Launch(...)"  # tokens and ids must end in no log

    def may(self, kind: str, interaction: str) -> bool:
        """Whether the granted scopes allow it: 'ServiceRequest', 'c' (create, read, update, delete, search)."""
        return any(_allows(scope, kind, interaction) for scope in self.scopes)

    def may_find_all(self, kind: str, categories: frozenset[str] = frozenset()) -> bool:
        """Whether the granted scopes allow it to search everything of a kind; `categories` together are everything.

        A server may answer with nothing, and no error, what it was not granted to show (SMART 2.2). True where the
        EHR tells no scopes, or in words of its own, as Epic did before SMART 2.
        """
        speaks_smart = any(_is_about_data(scope) for scope in self.scopes) or self.scopes <= _OF_LAUNCHES
        if not self.scopes or not speaks_smart:
            return True
        searches = [scope for scope in self.scopes if _allows(scope, kind, "s")]
        parts = {code for scope in searches for code in _CATEGORY.findall(scope)}
        return any("?" not in each for each in searches) or bool(categories and categories <= parts)


_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_CONTEXTS = ("patient", "user")
_OF_LAUNCHES = {
    "launch", "launch/patient", "launch/encounter", "openid", "fhirUser", "profile", "online_access", "offline_access",
}  # fmt: skip
_CATEGORY = re.compile(r"[?&]category=(?:[^&|]*\|)?([^&|]+)")


def _is_about_data(scope: str) -> bool:
    return scope.partition("/")[0] in _CONTEXTS and "." in scope


def _allows(scope: str, kind: str, interaction: str) -> bool:
    context, _, rest = scope.partition("/")
    of, _, rights = rest.partition("?")[0].rpartition(".")
    return context in _CONTEXTS and of in (kind, "*") and interaction in _V1.get(rights, rights)
