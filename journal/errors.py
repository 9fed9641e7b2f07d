"""What can go wrong with the journal."""

from second_opinion.errors import SecondOpinionError


class JournalDown(SecondOpinionError):
    """The journal cannot be read or written now. What must not be lost is to be sent again later."""
