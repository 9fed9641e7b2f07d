"""`second-opinion journal`: deletes what is old, and moves the journal to another database."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

import click

from plugin.settings import database_url
from second_opinion.durations import Duration, duration
from second_opinion.errors import KnowledgeError, SecondOpinionError

Result = TypeVar("Result")


@click.group()
def journal() -> None:
    """What happened, as the database keeps it (SECOND_OPINION_DATABASE_URL; docs/journal.md)."""


class _Span(click.ParamType[Duration]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        try:
            return duration(str(value))
        except KnowledgeError as problem:
            self.fail(str(problem), param, ctx)


@journal.command()
@click.option("--older-than", type=_Span(), required=True, help="Such as '24 months' or '90 days'.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(older_than: Duration, yes: bool) -> None:
    """Deletes older assessments, cards, answers and deeds of the app; a card stays while an answer to it holds.

    It may run beside the service.

    \b
      second-opinion journal prune --older-than "24 months"
    """
    from journal.database import Database
    from journal.retention import prune as delete_before

    before = older_than.before(date.today())
    if not yes:
        click.confirm(f"What is older than {before} goes. Delete it?", abort=True)

    def work() -> Mapping[str, int]:
        database = Database(database_url())
        try:
            return delete_before(database, before)
        finally:
            database.close()

    _say("deleted", _done(work))


@journal.command()
@click.argument("target")
def copy(target: str) -> None:
    """Copies the journal to another database, which may be empty. Stop the service first; repeat it if it was stopped.

    \b
      second-opinion journal copy postgresql://second_opinion:...@host/second_opinion
    """
    from journal.moving import copy_journal

    _say("copied", _done(lambda: copy_journal(database_url(), target)))


def _done(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except SecondOpinionError as problem:
        raise click.ClickException(str(problem)) from None


def _say(what: str, rows: Mapping[str, int]) -> None:
    for table, count in rows.items():
        click.echo(f"{table}: {count} {what}")
