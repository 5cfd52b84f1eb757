"""The command's shell: every error of ours becomes one sentence and exit code 1."""

from __future__ import annotations

import sys
from typing import Any

import typer

from pointsman.cli.output import fail
from pointsman.errors import PointsmanError


class App(typer.Typer):
    """A Typer that shows no traceback for what a user can cause. Usage errors keep Typer's exit code 2."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line."""
        try:
            return super().__call__(*args, **kwargs)
        except PointsmanError as error:
            fail(str(error))
        except BrokenPipeError:
            sys.stderr.close()  # whoever read our output has gone, as `| head` does
        sys.exit(1)
