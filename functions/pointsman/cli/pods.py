"""`new pod`, `new model`, `pod`, `router`: own code in an own process, and how to begin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from pointsman import settings as settings_module
from pointsman.cli import scaffold
from pointsman.cli.options import AsJson, Kafka, Name, home_of, kafka_of, stack_of
from pointsman.cli.output import Output
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import SettingsError
from pointsman.localstack.functions import POD, ROUTER
from pointsman.localstack.pools import Pools
from pointsman.localstack.ports import HOST, reserve
from pointsman.settings import Settings

new = typer.Typer(help="Write the beginnings of something.", no_args_is_help=True)

Port = Annotated[int | None, typer.Option(help="Port to listen on; absent: a free one.")]
_IMPORT = """
import importlib, sys
module, _, name = sys.argv[1].partition(":")
model = getattr(importlib.import_module(module), name)
assert callable(getattr(model, "forward", None)), f"{name} has no method forward(list) -> list"
"""


@new.callback()
def group() -> None:
    """Write the beginnings of something."""


@new.command("pod")
def new_pod(
    name: Annotated[str, typer.Argument(help="Name of the model and its pool.")], as_json: AsJson = False
) -> None:
    """Write a class, a test, a Dockerfile and a model file into a new folder."""
    _show(name, scaffold.write_pod(name, Path.cwd()), Output(as_json))


@new.command("model")
def new_model(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    runtime: Annotated[str, typer.Option(help="What is to run it: sklearn, xgboost, lightgbm, onnx.")],
    as_json: AsJson = False,
) -> None:
    """Write a training on real data, an example and a test into a new folder."""
    _show(name, scaffold.write_model(name, runtime, Path.cwd()), Output(as_json))


def _show(name: str, files: list[Path], out: Output) -> None:
    for file in files:
        out.record({"file": str(file)}, f"wrote {file.relative_to(Path.cwd())}")
    out.say(f"next: cd {name}, and follow README.md")


def pod(
    target: Annotated[str, typer.Argument(help="Your class, MODULE:CLASS; absent: any of the pool.")] = "",
    pool: Annotated[str, typer.Option(help="Name of the pool, as in the model file.")] = "default",
    port: Port = None,
    kafka: Kafka = "",
    name: Name = "",
) -> None:
    """Serve a pool from this environment and join the running job; Ctrl-C leaves it."""
    if not is_name(pool):
        raise SettingsError(f"--pool: {pool!r} is no name; it must match {GRAMMAR}")
    _check(target)
    out = Output()
    with ExitStack() as undo:
        settings = _settings(kafka, name, pool=pool, port=port, undo=undo)
        if not kafka:
            pools, address = Pools(home_of(name).pools), f"{HOST}:{settings.port}"
            pools.register(pool, address)
            undo.callback(pools.unregister, pool, address)
        out.say(f"pool {pool} on port {settings.port}; Ctrl-C leaves the job")
        if target:
            out.say(f"its model file says: uri: python:{target}, runtime: python, pool: {pool}")
        sys.exit(_run(POD, settings))


def router(port: Port = None, kafka: Kafka = "", name: Name = "") -> None:
    """Run a router process in the foreground, as a container does."""
    with ExitStack() as undo:
        settings = _settings(kafka, name, pool=None, port=port, undo=undo)
        sys.exit(_run(ROUTER, settings))


def _settings(kafka: str, name: str, pool: str | None, port: int | None, undo: ExitStack) -> Settings:
    """Return the settings of a process beside the running stack, or of one in a cluster with `kafka`."""
    if kafka:
        return settings_module.load(kafka=kafka, pool=pool, port=port)
    reservation = reserve([port or 0])
    undo.callback(reservation.release)
    if port and reservation.port != port:
        raise SettingsError(f"port {port} is busy; choose another with --port")
    reservation.release()
    redis = stack_of(name).redis
    return settings_module.load(
        kafka=kafka_of(kafka, name), redis=redis, host=HOST, port=reservation.port, pool=pool
    )


def _check(target: str) -> None:
    """Import the class in a process of its own: its imports are not ours. Raises SettingsError."""
    if not target:
        return
    if not all(target.partition(":")):
        raise SettingsError(f"{target!r} must be MODULE:CLASS, as in my_pkg:Churn")
    command = [sys.executable, "-c", _IMPORT, target]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise SettingsError(f"{target} cannot be used: {last}")


def _run(command: tuple[str, ...], settings: Settings) -> int:
    """Run a server until it ends or we are told to stop, which it is told in turn."""
    process = subprocess.Popen(command, env={**_environment(), **settings_module.environment(settings)})
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal has sent it to the server as well


def _environment() -> dict[str, str]:
    """Return the environment in which code of the current folder can be imported, as `python` itself does."""
    paths = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
