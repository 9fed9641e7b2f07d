"""What the app's pages stand on, handed to each group of routes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ehr.trust import Trust
from journal.journal import Journal
from second_opinion.site import Site
from smart_app.chart.case import Case
from smart_app.launches import Launch


@dataclass(frozen=True)
class App:
    """`case_of` reads and judges the chart of a launch (id), from memory if that was a moment ago; the launch in it has
    today's token.

    `launch_of` gives the launch whose page is asked for, with a token that is still good. Both raise LaunchEnded.
    `renewed` gives it with a new token after the EHR refused the old one; it raises LaunchEnded if there is none.
    `forget` makes the next page read the chart anew: something was written, or somebody asked for it.
    """

    base_url: str
    today: Callable[[], date]
    site: Site
    trust: Trust
    journal: Journal
    launch_of: Callable[[str], Launch]
    renewed: Callable[[Launch], Launch]
    case_of: Callable[[str], Case]
    forget: Callable[[Launch], None] = lambda launch: None
