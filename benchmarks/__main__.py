"""`make bench`: every figure we give, measured anew (README.md in this folder says how to read them)."""

import signal
import sys

import click

from benchmarks import app_page, in_process, open_payments, over_http, report, statements, tokens
from benchmarks.cells import Cell
from benchmarks.servers import MODELS
from benchmarks.targets import targets
from plugin.server import settle

_STEPS = (2_000, 8_000, 14_000, 20_000)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds, in less than a minute; without memory.")
@click.option("--memory", is_flag=True, help="Only memory over 20,000 calls (with --quick: that, too).")
def main(quick: bool, memory: bool) -> None:
    """Speed and memory of the service, beside its peers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through all that stops servers
    settle()  # as the server does
    click.echo(f"{report.machine()}\n")
    cells = _speed(quick) if quick or not memory else []
    samples = over_http.memory_of_ours(_STEPS) if memory or not quick else []
    if samples:
        click.echo(f"{report.memory(samples)}\n")
    click.echo(report.verdicts(targets(cells, [megabytes for _, megabytes in samples])))


def _speed(quick: bool) -> list[Cell]:
    click.echo(f"{in_process.report(rounds=6 if quick else in_process.ROUNDS)}\n")
    if not quick:
        click.echo(f"{statements.report()}\n\n{open_payments.report()}\n\n{app_page.report()}\n")
    click.echo(f"{tokens.report()}\n")
    compared = over_http.services()
    if MODELS not in compared:
        click.echo("HealthChain is not installed here (make peers): measured without it.\n")
    click.echo(f"Over HTTP on this machine, one process each ({'half a minute' if quick else 'some five minutes'})\n")
    cells = over_http.compare(compared, over_http.QUICK if quick else over_http.FULL)
    click.echo(f"{report.table(cells)}\n")
    return cells


main()
