"""Which scopes a launch asks for: what the rules read, what the app writes, and nothing wider."""

from collections.abc import Collection

from second_opinion.data_needs import smart_scopes

IDENTITY = ("openid", "fhirUser")
_NAME = "user/Practitioner.r"  # who signed in is named on what they send
# What the app writes: referrals, options discussed, statements of what was done elsewhere, packets.
_WRITES = ("DocumentReference.cu", "Observation.cu", "Procedure.cu", "QuestionnaireResponse.cu", "ServiceRequest.cu")
_ORDER = "cruds"
_LATER = {"permission-online": "online_access", "permission-offline": "offline_access"}


def data_scopes() -> list[str]:
    """One a kind of data, in SMART v2 form."""
    rights: dict[str, set[str]] = {}
    for scope in [*(scope.removeprefix("patient/") for scope in smart_scopes()), *_WRITES]:
        kind, _, allowed = scope.partition(".")
        rights.setdefault(kind, set()).update(allowed)
    return [f"patient/{kind}.{''.join(sorted(rights[kind], key=_ORDER.index))}" for kind in sorted(rights)]


def scopes_for(capabilities: Collection[str], known: Collection[str]) -> list[str]:
    """What is asked of a server that can and knows this; `launch` or `launch/patient` comes on top.

    A token that outlives its hour only as long as the user is there, if the server has such; else any that lasts.
    """
    later = [scope for able, scope in _LATER.items() if able in capabilities or scope in known][:1]
    first_version = "permission-v1" in capabilities and "permission-v2" not in capabilities
    data = [_NAME, *data_scopes()]
    return [*IDENTITY, *later, *(_as_version_1(data) if first_version else data)]


def _as_version_1(scopes: Collection[str]) -> list[str]:
    """Epic and others before SMART 2: read stands for r and s, write for c, u and d."""
    old: list[str] = []
    for scope in scopes:
        what, _, rights = scope.rpartition(".")
        old += [f"{what}.read"] * bool(set(rights) & set("rs")) + [f"{what}.write"] * bool(set(rights) & set("cud"))
    return old
