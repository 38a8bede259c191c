"""`meridian sample`: an application to try a product with. It needs no database, and waits for none to be imported."""

from __future__ import annotations

import typer

from meridian.cli.screen import print_json
from meridian.products import find_product


def sample(product: str = typer.Argument("personal-loan", help="The product to apply for.")) -> None:
    """Print an application that the product accepts."""
    print_json(find_product(product).sample())
