"""Where the `second-opinion` command begins: alone knows how a signal ends it before, and while, a server starts."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Loading takes a second or more, and there is nothing to clean up yet: Ctrl+C may end it without a word."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # not where a shell started us in the background, to be left alone
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from plugin.cli import main as command

    signal.signal(signal.SIGINT, usual)
    signal.signal(signal.SIGTERM, _leave)  # folders and processes of ours go, too; a running server has its own way
    command()


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)
