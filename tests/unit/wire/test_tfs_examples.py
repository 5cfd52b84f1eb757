"""Examples become a model's tensors, and its outputs classes and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import array_from_pb, tensor_to_pb
from pointsman.wire.tfs_examples import tensors_of_examples
from pointsman.wire.tfs_results import classification_of, regression_of


def example(**features: list[Any]) -> tf.Example:
    made = {}
    for name, values in features.items():
        kinds = {int: "int64_list", float: "float_list", bytes: "bytes_list"}
        made[name] = tf.Feature(**{kinds[type(values[0])]: {"value": values}})
    return tf.Example(features=tf.Features(feature=made))


def given(*examples: tf.Example) -> tfs.Input:
    return tfs.Input(example_list=tfs.ExampleList(examples=examples))


def signature(*inputs: tuple[str, str, tuple[int, ...]]) -> Signature:
    return Signature(tuple(TensorSpec(*spec) for spec in inputs))


def arrays(asked: tfs.Input, known: Signature | None = None) -> dict[str, Any]:
    tensors = tensors_of_examples(asked, known)
    assert not isinstance(tensors, Failure), tensors
    read = {tensor.name: array_from_pb(tensor) for tensor in tensors}
    return {name: (array.shape, array.ravel().tolist()) for name, array in read.items()}  # type: ignore[union-attr]


def failure_of(asked: tfs.Input, known: Signature | None = None) -> str:
    failure = tensors_of_examples(asked, known)
    assert isinstance(failure, Failure)
    return failure.message


def response(**outputs: Any) -> pb.InferenceResponse:
    tensors = [tensor_to_pb(name, np.array(values)) for name, values in outputs.items()]
    return pb.InferenceResponse(outputs=pb.Tensors(tensors=tensors))  # type: ignore[arg-type]


def test_without_a_signature_each_feature_is_an_input() -> None:
    asked = given(example(a=[1.5, 2.5], b=[7]), example(a=[3.5, 4.5], b=[8]))
    assert arrays(asked) == {"a": ((2, 2), [1.5, 2.5, 3.5, 4.5]), "b": ((2, 1), [7, 8])}


def test_a_signature_gives_datatype_and_shape_and_leaves_other_features() -> None:
    known = signature(("a", "FP64", (-1, 2, -1)), ("b", "INT8", (-1,)))
    asked = given(example(a=[1, 2, 3, 4], b=[7], c=[b"left"]))
    assert arrays(asked, known) == {"a": ((1, 2, 2), [1.0, 2.0, 3.0, 4.0]), "b": ((1,), [7])}


def test_a_model_of_one_text_takes_the_serialised_examples() -> None:
    row = example(a=[1])
    assert arrays(given(row), signature(("input", "BYTES", (-1,)))) == {
        "input": ((1,), [row.SerializeToString()])
    }


def test_a_context_holds_for_every_example_that_does_not_say_otherwise() -> None:
    listed = tfs.ExampleListWithContext(context=example(a=[1], b=[5]), examples=[example(), example(a=[2])])
    assert arrays(tfs.Input(example_list_with_context=listed)) == {
        "a": ((2, 1), [1, 2]),
        "b": ((2, 1), [5, 5]),
    }


@pytest.mark.parametrize(
    ("asked", "known", "said"),
    [
        (tfs.Input(), None, "Input is empty"),
        (given(), None, "Input is empty"),
        (given(example()), None, "hold no features"),
        (given(example(a=[1]), example()), None, "'a': example 1 lacks the feature"),
        (given(example(a=[1]), example(a=[1, 2])), None, "'a': example 1 has 2 values in int64_list"),
        (given(example(a=[1]), example(a=[1.0])), None, "'a': example 1 has 1 values in float_list"),
        (given(example(a=[b"x"])), signature(("a", "FP32", (-1, 1))), "'a': the model takes FP32"),
        (given(example(a=[1.5])), signature(("a", "INT32", (-1, 1))), "'a': the model takes INT32"),
        (given(example(a=[300])), signature(("a", "INT8", (-1, 1))), "'a': a value does not fit INT8"),
        (given(example(a=[1, 2])), signature(("a", "INT8", (-1, 3))), "'a': the model takes shape [-1, 3]"),
        (given(example(a=[1, 2])), signature(("a", "INT8", (-1,))), "'a': the model takes shape [-1]"),
    ],
)
def test_examples_that_do_not_fit_are_refused(asked: tfs.Input, known: Signature | None, said: str) -> None:
    assert said in failure_of(asked, known)


def test_a_context_is_no_bomb() -> None:
    large = tfs.ExampleListWithContext(context=example(a=[b"x" * 100_000]), examples=[example()] * 1_000)
    assert "context repeated for every example" in failure_of(tfs.Input(example_list_with_context=large))


def test_classes_come_from_classes_and_scores() -> None:
    result = classification_of(response(classes=[[b"cat", b"dog"]], scores=[[0.25, 0.75]]))
    assert isinstance(result, tfs.ClassificationResult)
    classes = [(one.label, one.score) for one in result.classifications[0].classes]
    assert classes == [("cat", 0.25), ("dog", 0.75)]


def test_the_only_output_of_numbers_is_the_scores() -> None:
    result = classification_of(response(y=[0.5, 1.0]))
    assert isinstance(result, tfs.ClassificationResult)
    assert [row.classes[0].score for row in result.classifications] == [0.5, 1.0]


@pytest.mark.parametrize(
    "outputs",
    [
        {"a": [1.0], "b": [1.0]},
        {"classes": [b"a"], "scores": [[1.0, 2.0]]},
        {"y": [[[1.0]]]},
        {"y": [b"x"]},
    ],
)
def test_outputs_that_are_no_classification_are_refused(outputs: dict[str, Any]) -> None:
    assert isinstance(classification_of(response(**outputs)), Failure)


def test_a_regression_is_a_number_for_each_row() -> None:
    for outputs in ({"y": [1.0, 2.0]}, {"outputs": [[1.0], [2.0]], "other": [b"x", b"y"]}):
        result = regression_of(response(**outputs))
        assert isinstance(result, tfs.RegressionResult)
        assert [row.value for row in result.regressions] == [1.0, 2.0]
    assert isinstance(regression_of(response(y=[[1.0, 2.0]])), Failure)
    assert isinstance(regression_of(response(y=[b"x"])), Failure)
