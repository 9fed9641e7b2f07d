"""What can end a visit to the app; each becomes a page that says what to do."""

from second_opinion.errors import SecondOpinionError


class LaunchEnded(SecondOpinionError):
    """The launch is unknown, over, or belongs to another browser: the app must be opened from the chart again."""
