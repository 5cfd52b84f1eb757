"""TensorFlow Serving's protocol over a real connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.tfs import error_pb2
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from tests.unit.gateway.grpc.doors import MODELS, TFS, Ack, Plane, refusal, served, within


def predict(model: str = "m", **spec: Any) -> tfs.PredictRequest:
    shape = tf.TensorShapeProto(dim=[tf.TensorShapeProto.Dim(size=size) for size in (1, 2)])
    tensor = tf.TensorProto(dtype=tf.DT_FLOAT, tensor_shape=shape, float_val=[1, 2])
    return tfs.PredictRequest(model_spec=tfs.ModelSpec(name=model, **spec), inputs={"x": tensor})


def examples(*values: float) -> tfs.Input:
    feature = tf.Feature(float_list=tf.FloatList(value=values))
    return tfs.Input(
        example_list=tfs.ExampleList(examples=[tf.Example(features=tf.Features(feature={"x": feature}))])
    )


def test_a_prediction_comes_back_as_values() -> None:
    async def story() -> None:
        plane = Plane()
        async with served(plane) as (_, client):
            call = client(TFS, "Predict", predict(version_label="live"), timeout=5)
            answer = await call
            assert dict(await call.trailing_metadata())["x-pointsman-arm"] == "a"
        assert list(answer.outputs["x"].float_val) == [1, 2]
        assert answer.model_spec.version.value == 1
        assert plane.calls[0].label == "live"
        assert 0 < plane.calls[0].timeout_ms < 6_000  # gRPC rounds a deadline up on its way

    within(story())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (predict("no"), "Servable not found for request: Latest(no)"),
        (predict("no", version={"value": 3}), "Servable not found for request: Specific(no, 3)"),
        (predict(""), "Missing ModelSpec"),
        (tfs.PredictRequest(model_spec={"name": "m"}), "the request holds no inputs"),
    ],
)
def test_a_prediction_that_cannot_be_is_a_status(asked: tfs.PredictRequest, said: str) -> None:
    async def story() -> None:
        async with served() as (_, client):
            error = await refusal(client(TFS, "Predict", asked))
        assert said in error.details()

    within(story())


def test_examples_are_classified_and_regressed_and_both_at_once() -> None:
    async def story() -> None:
        spec = {"name": "m"}
        async with served() as (_, client):
            asked = tfs.ClassificationRequest(model_spec=spec, input=examples(0.25, 0.75))
            classes = await client(TFS, "Classify", asked)
            assert [one.score for one in classes.result.classifications[0].classes] == [0.25, 0.75]
            regression = tfs.RegressionRequest(model_spec=spec, input=examples(0.25, 0.75))
            error = await refusal(client(TFS, "Regress", regression))
            assert "no regression" in error.details()
            task = tfs.InferenceTask(model_spec=spec, method_name="tensorflow/serving/classify")
            both = tfs.MultiInferenceRequest(tasks=[task, task], input=examples(0.25, 0.75))
            results = (await client(TFS, "MultiInference", both)).results
            assert [result.classification_result for result in results] == [classes.result] * 2
            both.tasks[1].method_name = "other"
            error = await refusal(client(TFS, "MultiInference", both))
            assert "tasks[1].method_name" in error.details()

    within(story())


def test_a_signature_is_told() -> None:
    async def story() -> None:
        asked = tfs.GetModelMetadataRequest(model_spec={"name": "m"}, metadata_field=["signature_def"])
        async with served() as (_, client):
            answer = await client(TFS, "GetModelMetadata", asked)
            signatures = tfs.SignatureDefMap()
            assert answer.metadata["signature_def"].Unpack(signatures)
            info = signatures.signature_def["serving_default"].inputs["x"]
            assert (info.dtype, [dim.size for dim in info.tensor_shape.dim]) == (tf.DT_FLOAT, [-1, 2])
            del asked.metadata_field[:]
            error = await refusal(client(TFS, "GetModelMetadata", asked))
            assert "signature_def" in error.details()

    within(story())


def test_states_of_versions_are_told() -> None:
    async def story() -> None:
        async with served() as (_, client):
            asked = tfs.GetModelStatusRequest(model_spec={"name": "m"})
            statuses = (await client(MODELS, "GetModelStatus", asked)).model_version_status
            state = tfs.ModelVersionStatus
            assert [(one.version, one.state) for one in statuses] == [
                (3, state.END),
                (2, state.LOADING),
                (1, state.AVAILABLE),
            ]
            assert statuses[0].status.error_message == "no such file"
            asked.model_spec.version_label = "live"
            (one,) = (await client(MODELS, "GetModelStatus", asked)).model_version_status
            assert one.version == 1
            asked.model_spec.version_label = "other"
            error = await refusal(client(MODELS, "GetModelStatus", asked))
            assert "Unrecognized servable version label: 'other'" in error.details()

    within(story())


def test_a_new_configuration_is_one_command_and_its_refusal_the_answers_status() -> None:
    async def story() -> None:
        commands: list[Mapping[str, Any]] = []

        async def control(command: Mapping[str, Any]) -> Ack:
            commands.append(command)
            return Ack(Failure(INVALID_ARGUMENT, "no such platform") if len(commands) > 1 else None)

        config = tfs.ModelConfig(name="m", base_path="/models/m", version_labels={"live": 2})
        config.model_version_policy.specific.versions.extend([1, 2])
        asked = tfs.ReloadConfigRequest(config={"model_config_list": {"config": [config]}})
        async with served(control=control) as (_, client):
            done = await client(MODELS, "HandleReloadConfigRequest", asked)
            refused = await client(MODELS, "HandleReloadConfigRequest", asked)
        assert done.status.error_code == error_pb2.OK
        assert (refused.status.error_code, refused.status.error_message) == (
            error_pb2.INVALID_ARGUMENT,
            "no such platform",
        )
        (model,) = commands[0]["reload"]["models"]
        assert (model["labels"], model["versions"]) == ({"live": "2"}, {"specific": ["1", "2"]})

    within(story())
