"""A running server's folder, where its workers' metrics meet: gone when it ends or, if it was killed, by the next."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from second_opinion.errors import SecondOpinionError

_PREFIX = "second-opinion-"
_RUNNING = ".running"  # locked as long as the server or one of its workers lives
_NEW_SECONDS = 60  # a younger folder may not have its lock yet


@contextmanager
def shared_folder() -> Iterator[Path]:
    """For as long as the server runs. Enter it before prometheus_client is imported."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise SecondOpinionError(f"No folder for temporary files ({error.strerror}). Make /tmp writable.") from None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    ours = os.getpid()
    try:
        with (folder / _RUNNING).open("w") as running:
            fcntl.flock(running, fcntl.LOCK_EX)
            _sweep(folder.parent)
            yield folder
    finally:
        if os.getpid() == ours:  # workers pass here, too, when they end
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """What servers left behind that were killed."""
    for left in place.glob(f"{_PREFIX}*/{_RUNNING}"):
        with suppress(OSError), left.open("r+") as running:  # somebody else's, gone by now, or in use
            if time.time() - left.stat().st_mtime > _NEW_SECONDS:
                fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left.parent, ignore_errors=True)
