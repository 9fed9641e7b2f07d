"""The launches whose pages are open: found for the browser that opened them, their tokens renewed in time, and once."""

import time
from collections.abc import Callable
from threading import Lock
from weakref import WeakValueDictionary

from msgspec import Struct, json
from msgspec.structs import replace

from journal.launches import Launches
from smart_app.errors import LaunchEnded, LaunchFailed
from smart_app.launches import Launch
from smart_app.sign_in.tokens import NoToken

KEPT = 12 * 60 * 60  # seconds: a long working day
_AHEAD = 30  # a token that ends within so many seconds is renewed first
_PATIENCE = 15.0  # another worker renews it: longer than that takes
_BETWEEN_LOOKS = 0.05


class _Kept(Struct, frozen=True):
    """`browser` is a keyed hash; `again` is as in LaunchEnded."""

    launch: Launch
    browser: str
    again: str
    until: int


class KeptLaunches:
    """In the database, sealed. Who renews a launch takes its turn there first: workers never use a token twice."""

    def __init__(
        self, launches: Launches, renew: Callable[[Launch], Launch], clock: Callable[[], float] = time.time
    ) -> None:
        self._launches, self._renew, self._clock = launches, renew, clock
        self._renewing: WeakValueDictionary[str, Lock] = WeakValueDictionary()  # one thread at a time, for each launch
        self._lock = Lock()

    def keep(self, launch: Launch, browser: str, again: str) -> None:
        now = int(self._clock())
        kept = _Kept(launch, browser, again, now + KEPT)
        self._launches.keep(f"launch {launch.id}", json.encode(kept).decode(), now, kept.until)
        self._give_turn(kept)

    def launch_of(self, launch_id: str, browser: str) -> Launch:
        """With a token that is still good. Raises LaunchEnded, also for another browser."""
        kept = self._read(launch_id)
        if kept is None or kept.browser != browser:
            raise LaunchEnded
        left = kept.launch.expires_at - self._clock()
        if left > _AHEAD:
            return kept.launch
        try:
            return self.renewed(kept.launch)
        except LaunchEnded:
            if left > 0:
                return kept.launch
            raise

    def renewed(self, launch: Launch) -> Launch:
        """With a newer token than this one's. Raises LaunchEnded if there is none to be had."""
        with self._lock:
            alone = self._renewing.setdefault(launch.id, Lock())
        with alone:
            until = time.monotonic() + _PATIENCE
            while (found := self._try_to_renew(launch, time.monotonic() > until)) is None:
                time.sleep(_BETWEEN_LOOKS)
            return found

    def _try_to_renew(self, used: Launch, is_late: bool) -> Launch | None:
        """None while another worker is at it. What was taken is read again: it may have been renewed meanwhile."""
        is_ours = self._launches.take(f"turn {used.id}", int(self._clock())) is not None
        kept = self._read(used.id)
        if kept is None:
            raise LaunchEnded
        if kept.launch.access_token != used.access_token:
            if is_ours:
                self._give_turn(kept)
            return kept.launch
        if not kept.launch.refresh_token:
            raise LaunchEnded(kept.again)
        if is_ours:
            return self._renew_now(kept)
        if is_late:
            self._end(kept)  # whoever took the turn is gone, and the token with it
        return None

    def _renew_now(self, kept: _Kept) -> Launch:
        try:
            launch = self._renew(kept.launch)
        except LaunchFailed:  # before the refresh token was sent
            self._give_turn(kept)
            raise LaunchEnded(kept.again) from None
        except NoToken:
            self._end(kept)
            raise LaunchEnded(kept.again) from None
        self._change(replace(kept, launch=launch))
        self._give_turn(kept)
        return launch

    def _end(self, kept: _Kept) -> None:
        self._change(replace(kept, launch=replace(kept.launch, refresh_token="")))

    def _change(self, kept: _Kept) -> None:
        self._launches.change(f"launch {kept.launch.id}", json.encode(kept).decode(), kept.until)

    def _give_turn(self, kept: _Kept) -> None:
        self._launches.keep(f"turn {kept.launch.id}", "", int(self._clock()), kept.until)

    def _read(self, launch_id: str) -> _Kept | None:
        words = self._launches.get(f"launch {launch_id}", int(self._clock()))
        return None if words is None else json.decode(words, type=_Kept)
