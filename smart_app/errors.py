"""What can end a visit to the app, an action, or a launch before it begins: each is a page that says what to do."""

from second_opinion.errors import SecondOpinionError


class LaunchEnded(SecondOpinionError):
    """The launch is unknown, over, or belongs to another browser: the app must be opened from the chart again.

    `again` is the EHR where it may be opened without a chart, '' if it was not opened that way.
    """

    def __init__(self, again: str = "") -> None:
        super().__init__("This session has ended. Open Second Opinion from the chart again.")
        self.again = again


class LaunchFailed(SecondOpinionError):
    """A launch that came to nothing. `page` names what is said of it; `again` is as in LaunchEnded."""

    def __init__(self, page: str, again: str = "") -> None:
        super().__init__(page)
        self.page, self.again = page, again


class Busy(SecondOpinionError):
    """As many pages are being made as may be at once."""

    def __init__(self) -> None:
        super().__init__("Many charts are being opened just now. Try again in a moment.")


class FormRefused(SecondOpinionError):
    """A form that no page of this launch sent."""

    def __init__(self) -> None:
        super().__init__("This form was not sent by a page of this launch. Go back, load the page anew, send it again.")


class NotDone(SecondOpinionError):
    """An action was not done, or not wholly; `deed` names what of it was written and can be undone, if anything.

    `may_be_written`: nobody may be told that it was not.
    """

    def __init__(self, says: str, deed: str = "", may_be_written: bool = False) -> None:
        super().__init__(says)
        self.deed, self.may_be_written = deed, may_be_written
