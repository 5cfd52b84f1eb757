"""PyTorch: safetensors weights in a factory's network; archives that carry code from trusted stores only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from safetensors.torch import load_file

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array, Item, Signature
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.artifact import imported, is_within
from pointsman.runtimes.base import DEFAULT_OUTPUT, Fault, broken
from pointsman.runtimes.declared import check_options, file_of, require_signature
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.torch_options import TorchOptions, of_the_factory, torch_options
from pointsman.settings import Settings

_SAFETENSORS: Final = ".safetensors"
_EXPORTED: Final = ".pt2"


class TorchNetwork:
    """A network in evaluation mode.

    It takes its only input as a tensor, several inputs as keywords, and returns a tensor, a tuple or a
    dictionary. Outputs without a name are called as `outputs` says, else `output`, or `output_0`, `output_1`.
    """

    def __init__(
        self, network: torch.nn.Module, outputs: Sequence[str], threads: int, options: TorchOptions
    ) -> None:
        """Move the network to its device; raises LoadError where it has nothing that `reset` names."""
        self._network: Callable[..., Any] = _placed(network, options)
        self._reset = _reset(network, options.reset)
        self._outputs = outputs
        self._threads = threads
        self._options = options

    def forward(self, batch: Item) -> Item:
        """Return the outputs for a batch, which the network may overwrite. Tensors share numpy's memory."""
        _use_threads(self._threads)
        tensors = {name: self._moved(_to_torch(name, array)) for name, array in batch.items()}
        with torch.inference_mode():
            self._reset()
            if len(tensors) == 1:
                (tensor,) = tensors.values()
                outputs = self._network(tensor)
            else:
                outputs = self._network(**tensors)
        return {name: _to_numpy(name, self._whole(tensor)) for name, tensor in self._named(outputs).items()}

    def _whole(self, output: Any) -> Any:
        """Return an output as FP32 where its lower precision is the choice of the version's options."""
        is_half = isinstance(output, torch.Tensor) and output.dtype is self._options.dtype
        return output.float() if is_half else output

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        dtype = self._options.dtype if tensor.is_floating_point() else None
        return tensor.to(device=self._options.device, dtype=dtype)

    def _named(self, outputs: Any) -> dict[str, Any]:
        if isinstance(outputs, dict):
            return outputs
        values = outputs if isinstance(outputs, tuple | list) else (outputs,)
        if self._outputs:
            names = list(self._outputs)
            if len(names) != len(values):
                count = f"{len(values)} outputs, its signature has {len(names)}"
                raise Fault(broken(f"the model returned {count}"))
        elif len(values) == 1:
            names = [DEFAULT_OUTPUT]
        else:
            names = [f"{DEFAULT_OUTPUT}_{index}" for index in range(len(values))]
        return dict(zip(names, values, strict=True))


def load(spec: VersionSpec, settings: Settings) -> TensorModel:
    """Return the version loaded; raises LoadError, or what the factory raises."""
    path, options = file_of(spec), torch_options(spec.options)
    if path.suffix == _SAFETENSORS:
        network, signature = _from_safetensors(path, spec)
    else:
        check_options(spec, [name for name in spec.options if name.startswith("torch.")])
        network, signature = _from_archive(path, settings), None
    signature = spec.signature or signature
    require_signature(signature, spec)
    outputs = [tensor.name for tensor in signature.outputs] if signature is not None else []
    served = TorchNetwork(network, outputs, settings.threads, options)
    return TensorModel(served.forward, signature, _footprint(network))


def _placed(network: torch.nn.Module, options: TorchOptions) -> Callable[..., Any]:
    placed = network.to(device=options.device, dtype=options.dtype)
    if not options.is_compiled:
        return placed
    if isinstance(placed, torch.jit.ScriptModule):
        message = "options.torch.compile: TorchScript is compiled already"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "options.torch.compile"))
    compiled: Callable[..., Any] = torch.compile(placed, dynamic=True)  # rows differ from pass to pass
    return compiled


def _reset(network: torch.nn.Module, name: str) -> Callable[[], object]:
    """Return what forgets the pass before, for a network that keeps a state; raises LoadError."""
    method = getattr(network, name, None) if name else lambda: None
    if not callable(method):
        message = f"options.torch.reset: the network has no method {name!r}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "options.torch.reset"))
    return method


def _use_threads(count: int) -> None:
    """Bound the threads of the calling thread's forward passes: OpenMP keeps that number per thread."""
    if getattr(_calling, "threads", None) != count:
        torch.set_num_threads(count)
        _calling.threads = count


_calling = threading.local()


def _from_safetensors(path: Path, spec: VersionSpec) -> tuple[torch.nn.Module, Signature | None]:
    if not spec.factory:
        message = "factory: a safetensors artifact needs the package.module:function that builds its network"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "factory"))
    factory = imported(spec.factory, "factory")
    network = factory(**of_the_factory(spec.options))
    if not isinstance(network, torch.nn.Module):
        message = f"factory: {spec.factory} returned {type(network).__name__}, not a torch.nn.Module"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "factory"))
    network.load_state_dict(load_file(path), strict=True)
    return network.eval(), _declared(network, factory, sys.modules[spec.factory.partition(":")[0]])


def _declared(*owners: object) -> Signature | None:
    """Return the `signature` of the first owner that has one."""
    found = (getattr(owner, "signature", None) for owner in owners)
    declared = next((signature for signature in found if signature is not None), None)
    if declared is None or isinstance(declared, Signature):
        return declared
    try:
        return msgspec.convert(declared, Signature, strict=False)
    except msgspec.ValidationError as error:
        message = f"signature: the factory's is malformed: {error}"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "signature")) from error


def _from_archive(path: Path, settings: Settings) -> torch.nn.Module:
    if not is_within(path, settings.trusted_stores):
        message = (
            f"uri: {path.suffix} archives carry code and load from trusted stores only; add a prefix of its "
            "URI to the setting `trusted_stores`, or publish safetensors with a factory"
        )
        raise LoadError(Failure(FAILED_PRECONDITION, message, "uri"))
    if path.suffix == _EXPORTED:
        return torch.export.load(path).module()
    network: torch.nn.Module = torch.jit.load(path, map_location="cpu")
    return network.eval()


def _footprint(network: torch.nn.Module) -> int:
    tensors = {tensor.data_ptr(): tensor for tensor in (*network.parameters(), *network.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _to_torch(name: str, array: Array) -> torch.Tensor:
    if array.dtype.hasobject:
        raise Fault(Failure(INVALID_ARGUMENT, f"torch takes no BYTES; input {name!r} is", name), final=True)
    return torch.from_numpy(array)


def _to_numpy(name: str, tensor: Any) -> Array:
    if not isinstance(tensor, torch.Tensor):
        raise Fault(broken(f"the model returned {type(tensor).__name__} as {name!r}, not a tensor"))
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()  # numpy has no such type
    array: Array = tensor.detach().cpu().numpy()
    return array
