"""`python -m plugin`: the `second-opinion` command."""

from plugin.cli import main

main()
