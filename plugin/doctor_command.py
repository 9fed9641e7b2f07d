"""`second-opinion doctor`: examines a FHIR server and says what can be assessed there, and what to do."""

import shutil
import sys

import click
from msgspec import json

from plugin.rules_text import as_terminal_text

_SECONDS = click.FloatRange(0.1, 300)


@click.command()
@click.argument("fhir_url")
@click.option(
    "--token", envvar=["SECOND_OPINION_TOKEN", "SECOND_OPINION_FHIR_TOKEN"], default="", show_default=False,
    help="An access token. Better in SECOND_OPINION_TOKEN: what is typed here, others on this machine can see.",
)  # fmt: skip
@click.option("--patient", default="", metavar="ID", help="Whose chart to try. Default: the first that it lists.")
@click.option("--timeout", default=10.0, show_default=True, type=_SECONDS, help="Seconds to wait for one answer.")
@click.option("--json", "is_json", is_flag=True, help="One JSON document instead of text.")
def doctor(fhir_url: str, token: str, patient: str, timeout: float, is_json: bool) -> None:
    """Tries every search that the rules need on a FHIR server, in every usual form, and says what to do.

    It only reads, and shows no chart: counts, times and reasons. The token is sent to FHIR_URL and nowhere else.

    The exit code is 0 if every rule can be assessed there, 1 if some cannot, 2 if it is no FHIR R4 server or nothing
    could be read.

    \b
      second-opinion doctor https://r4.smarthealthit.org
      SECOND_OPINION_TOKEN=... second-opinion doctor https://ehr.example/fhir/r4 --patient 123
    """
    from ehr.checkup import examine
    from ehr.checkup.examine import STEPS

    with click.progressbar(
        length=STEPS, label="Trying", file=sys.stderr, show_eta=False, item_show_func=lambda words: words
    ) as bar:
        report = examine(fhir_url, token, patient, timeout, lambda words: bar.update(1, words))
        bar.update(STEPS)
    from plugin.doctor_text import as_blocks, as_json

    if is_json:
        click.echo(json.format(json.encode(as_json(report)), indent=2))
    else:
        click.echo(as_terminal_text(as_blocks(report), shutil.get_terminal_size().columns))
    sys.exit(report.severity)
