"""The command line: `meridian COMMAND`. Results on standard output, talk on standard error, exit codes to trust."""

from meridian.cli.main import main

__all__ = ["main"]
