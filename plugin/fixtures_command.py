"""`second-opinion fixtures`: the teaching patients on any FHIR R4 server, and off it again."""

from datetime import date

import click

from second_opinion.errors import SecondOpinionError


@click.group()
def fixtures() -> None:
    """The teaching patients: synthetic charts to try everything on."""


@fixtures.command()
@click.argument("fhir_url")
@click.option(
    "--token", envvar=["SECOND_OPINION_TOKEN", "SECOND_OPINION_FHIR_TOKEN"], default="",
    help="An access token. Better in SECOND_OPINION_TOKEN: what is typed here, others on this machine can see.",
)  # fmt: skip
@click.option("--remove", "removing", is_flag=True, help="Take them off again: whatever carries our tag.")
def load(fhir_url: str, token: str, removing: bool) -> None:
    """Puts the teaching patients on a FHIR R4 server, dated from today; again, it brings them up to date.

    Their ids are fixed (Patient/ruth-keller), and each resource is tagged.

    \b
      second-opinion fixtures load http://localhost:8090/fhir
      second-opinion fixtures load http://localhost:8090/fhir --remove
    """
    from fixtures import loading

    try:
        target = loading.Target(fhir_url, token)
        try:
            if removing:
                loading.remove(target, date.today(), click.echo)
            else:
                loading.load(target, date.today(), click.echo)
                click.echo(
                    "To try them: second-opinion demo --fhir URL. To take them off again: the same with --remove."
                )
        finally:
            target.close()
    except SecondOpinionError as problem:
        raise click.ClickException(str(problem)) from None
