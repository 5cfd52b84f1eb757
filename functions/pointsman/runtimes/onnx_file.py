"""A `.onnx` file, looked at before a framework opens it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.base import one_line


def check_whole(path: Path) -> None:
    """Raise LoadError where the file is no model or would have others read, wherever they lie."""
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise LoadError(Failure(FAILED_PRECONDITION, f"uri: {path.name} is no ONNX model", "uri")) from error
    graphs = [model.graph, *(info.algorithm for info in model.training_info)]
    nodes = (node for function in model.functions for node in function.node)
    tensors = [*_tensors(graphs), *_tensors_of_nodes(nodes)]
    outside = next((tensor for tensor in tensors if tensor.data_location == onnx.TensorProto.EXTERNAL), None)
    if outside is not None:
        said = f"uri: {outside.name!r} has its data in another file; save the model with all data in one"
        raise LoadError(Failure(FAILED_PRECONDITION, one_line(said), "uri"))


def _tensors(graphs: Iterable[onnx.GraphProto]) -> Iterator[onnx.TensorProto]:
    for graph in graphs:
        yield from graph.initializer
        yield from _dense(graph.sparse_initializer)
        yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            yield from _dense((attribute.sparse_tensor, *attribute.sparse_tensors))
            yield from _tensors((attribute.g, *attribute.graphs))


def _dense(sparse: Iterable[onnx.SparseTensorProto]) -> Iterator[onnx.TensorProto]:
    for tensor in sparse:
        yield tensor.values
        yield tensor.indices
