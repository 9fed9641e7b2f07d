"""What can end a visit to the app, or an action; each becomes a page that says what to do."""

from second_opinion.errors import SecondOpinionError


class LaunchEnded(SecondOpinionError):
    """The launch is unknown, over, or belongs to another browser: the app must be opened from the chart again."""


class NotDone(SecondOpinionError):
    """An action was not done, or not wholly; `deed` names what of it was written and can be undone, if anything."""

    def __init__(self, says: str, deed: str = "") -> None:
        super().__init__(says)
        self.deed = deed
