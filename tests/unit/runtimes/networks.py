"""Networks and factories as users write them, good and bad."""

from __future__ import annotations

import ctypes
import os
import threading

import torch

from pointsman.core.tensor import Signature, TensorSpec
from tests.unit.runtimes.classes import SCALE_SIGNATURE


class Scale(torch.nn.Module):
    """Multiplies by a weight."""

    signature = SCALE_SIGNATURE

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor([factor] * 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x, scaled."""
        return x * self.factor


def scale(factor: str = "1") -> torch.nn.Module:
    """Build a network whose signature is declared on it."""
    return Scale(float(factor))


def undeclared() -> torch.nn.Module:
    """Build a network without a signature."""
    return torch.nn.Linear(4, 2)


def no_network() -> str:
    """Build something else."""
    return "a string"


class OneRowOnly(Scale):
    """Works on a single row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x of shape [1, 4], scaled."""
        return x.reshape(1, 4) * self.factor


class TwoOutputs(torch.nn.Module):
    """Returns a tuple."""

    signature = SCALE_SIGNATURE

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the row's greatest value and its place."""
        values, places = x.max(dim=1)
        return values, places


class Sum(torch.nn.Module):
    """Takes two inputs by name and returns outputs by name."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return left + right."""
        return {"sum": left + right}


def misdeclared(datatype: str = "float32", name: str = "x", width: str = "4") -> torch.nn.Module:
    """Build a network whose declared signature may be no signature."""
    network = Scale()
    spec = TensorSpec(name, datatype, (-1, int(width)))
    network.signature = Signature((spec,) if name else ())  # type: ignore[assignment]
    return network


_KEPT: list[torch.Tensor] = []


class Perilous(Scale):
    """Answers with x, unless a row begins with an order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x, or obey.

        -1 ends the process by a signal, -2 by an exit, -3 hangs, -4 raises, -5 keeps 128 MiB, -6 takes 1 GiB
        and its time.
        """
        for order in set(x[:, 0].tolist()):
            match order:
                case -1:
                    ctypes.string_at(0)
                case -2:
                    os._exit(3)
                case -3:
                    threading.Event().wait()
                case -4:
                    raise ValueError("not to my taste")
                case -5:
                    _KEPT.append(torch.ones(2**25))
                case -6:
                    _KEPT.append(torch.ones(2**28))
                    threading.Event().wait(1)
        return super().forward(x)


def perilous() -> torch.nn.Module:
    """Build it."""
    return Perilous()


def lethal() -> torch.nn.Module:
    """End the process before there is a network."""
    os.abort()
