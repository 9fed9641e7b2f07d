"""Who is calling: judged from the call's token alone, before its body is read. A refusal says why only in the log."""

import time
from collections.abc import Callable
from math import ceil

from msgspec import Struct

from cds_hooks.tokens import SKEW, Claims, Refused, Token, check_claims, check_header, is_signed, read_token
from ehr.keys import ClientKeys
from ehr.trust import CdsClient, Trust

SpendToken = Callable[[str, str, int, int], bool]  # iss, jti, remembered until, now: whether this is its first use


class Caller(Struct, frozen=True):
    """A client that has shown who it is."""

    client: CdsClient
    tenant: str | None = None

    @property
    def iss(self) -> str:
        return self.client.iss


class Gate:
    """Lets in whom the trust file lists."""

    def __init__(
        self,
        trust: Trust,
        spend_token: SpendToken,
        keys: ClientKeys | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.trust = trust
        self._spend_token = spend_token
        self._keys = keys or ClientKeys(trust.cds_clients)
        self._clock = clock

    def admit(self, authorization: str | None, path: str) -> Caller:
        """Raises Refused. What is cheap is judged first; a token counts as used only once its signature is good."""
        token = read_token(authorization)
        client = self._client(token.claims)
        try:
            self._check(token, client, self.trust.base_url + path)
        except Refused as refused:
            raise Refused(refused.reason, client.iss) from None
        return Caller(client, token.claims.tenant)

    def _client(self, claims: Claims) -> CdsClient:
        clients = self.trust.clients_called(claims.iss)
        if not clients:
            raise Refused("unknown issuer")
        for client in clients:
            if client.takes(claims.tenant):
                return client
        raise Refused("unlisted tenant", claims.iss)

    def _check(self, token: Token, client: CdsClient, audience: str) -> None:
        now = self._clock()
        header, claims = token.header, token.claims
        check_header(header, client.algorithms, client.jku)
        check_claims(claims, audience, now)
        key = self._keys.key_for(client, header.kid, header.alg)
        if key is None:
            raise Refused("unknown key")
        if not is_signed(token, key):
            raise Refused("bad signature")
        if not self._spend_token(client.iss, claims.jti, ceil(claims.exp) + SKEW, int(now)):
            raise Refused("used before")
