"""`python -m plugin`: the `second-opinion` command."""

from plugin.start import main

main()
