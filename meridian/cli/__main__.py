"""`python -m meridian.cli`: the same as `meridian`."""

from meridian.cli import main

main()
