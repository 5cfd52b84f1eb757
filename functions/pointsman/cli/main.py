"""The `pointsman` command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import typer

from pointsman import __version__
from pointsman.cli import (
    deployments,
    doctor,
    infer,
    inspection,
    logs,
    models,
    module,
    pods,
    publish,
    send,
    stack,
    state,
    tail,
)
from pointsman.cli.app import App
from pointsman.cli.dead_letters import dead_letters
from pointsman.cli.keys import keys

app = App(
    name="pointsman",
    help="Many ML models, many versions, one Flink Stateful Functions job.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Many ML models, many versions, one Flink Stateful Functions job."""


_PANELS: Final[dict[str, tuple[Callable[..., None], ...]]] = {
    "Local stack": (stack.up, stack.down, stack.status, logs.logs, doctor.doctor, module.module),
    "State": (state.checkpoint, state.restore, state.rebuild),
    "Inspection": (inspection.models, inspection.inspect),
    "Models": (
        publish.publish,
        models.apply,
        models.get,
        models.split,
        models.label,
        models.retire,
        deployments.promote,
        deployments.rollback,
        deployments.history,
        deployments.policy,
    ),
    "Traffic": (send.send, infer.infer, tail.tail),
    "Own code": (pods.pod, pods.router),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.add_typer(pods.new, name="new", rich_help_panel="Own code")
app.add_typer(dead_letters, name="dead-letters", rich_help_panel="Traffic")
app.add_typer(keys, name="keys", rich_help_panel="Gateway")
