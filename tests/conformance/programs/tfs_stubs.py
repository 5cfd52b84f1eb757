"""TensorFlow Serving's own stubs: `tfs_stubs.py HOST:PORT`."""

import sys

import grpc
import numpy as np
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
from tensorflow.core.framework.types_pb2 import DT_FLOAT, DT_INT64, DT_STRING
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.apis.inference_pb2 import InferenceTask, MultiInferenceRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

ROWS = np.array([[0.1, 2, 3, 4], [-5, 0.6, 1e-30, 3e38]], np.float32) / np.float32(3)
WITHIN_S = 30

channel = grpc.insecure_channel(sys.argv[1])
prediction, models = PredictionServiceStub(channel), ModelServiceStub(channel)


def shape(*sizes):
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


def examples(request):
    """Fill the request with a row for each example."""
    for row in ROWS:
        example = Example()
        example.features.feature["x"].float_list.value.extend(row.tolist())
        request.input.example_list.examples.add().CopyFrom(example)
    return request


def named(request, model):
    request.model_spec.name = model
    return request


def check_predict():
    """Elements in the datatype's list or in tensor_content, by name, version and signature."""
    values = TensorProto(dtype=DT_FLOAT, tensor_shape=shape(2, 4), float_val=ROWS.ravel().tolist())
    content = TensorProto(dtype=DT_FLOAT, tensor_shape=shape(2, 4), tensor_content=ROWS.tobytes())
    for tensor in (values, content):
        request = named(PredictRequest(output_filter=["y"]), "double")
        request.model_spec.version.value = 1
        request.model_spec.signature_name = "serving_default"
        request.inputs["x"].CopyFrom(tensor)
        answer = prediction.Predict(request, WITHIN_S)
        output = answer.outputs["y"]
        array = np.array(output.float_val, np.float32).reshape([dim.size for dim in output.tensor_shape.dim])
        assert np.array_equal(array, ROWS * np.float32(2)), answer
        assert (answer.model_spec.name, answer.model_spec.version.value) == ("double", 1), answer
    request = named(PredictRequest(), "echo")
    big = [2**63 - 1, -(2**63)]
    request.inputs["n"].CopyFrom(TensorProto(dtype=DT_INT64, tensor_shape=shape(2), int64_val=big))
    texts = [b"caf\xc3\xa9\x00", b""]
    request.inputs["s"].CopyFrom(TensorProto(dtype=DT_STRING, tensor_shape=shape(2), string_val=texts))
    answer = prediction.Predict(request, WITHIN_S)
    assert list(answer.outputs["n"].int64_val) == big, answer
    assert list(answer.outputs["s"].string_val) == texts, answer


def check_examples():
    """Classes, values, and both in one call."""
    answer = prediction.Classify(examples(named(ClassificationRequest(), "double")), WITHIN_S)
    scores = [[one.score for one in row.classes] for row in answer.result.classifications]
    assert np.array_equal(np.array(scores, np.float32), ROWS * np.float32(2)), answer
    answer = prediction.Regress(examples(named(RegressionRequest(), "sum")), WITHIN_S)
    values = np.array([one.value for one in answer.result.regressions], np.float32)
    assert np.array_equal(values, ROWS.sum(axis=1)), answer
    tasks = (("double", "classify"), ("sum", "regress"))
    request = examples(MultiInferenceRequest())
    for model, method in tasks:
        request.tasks.add().CopyFrom(named(InferenceTask(method_name=f"tensorflow/serving/{method}"), model))
    both = prediction.MultiInference(request, WITHIN_S).results
    assert len(both[0].classification_result.classifications) == len(ROWS), both
    assert [one.value for one in both[1].regression_result.regressions] == values.tolist(), both


def check_about():
    """Metadata and status."""
    request = named(GetModelMetadataRequest(metadata_field=["signature_def"]), "double")
    signatures = SignatureDefMap()
    assert prediction.GetModelMetadata(request, WITHIN_S).metadata["signature_def"].Unpack(signatures)
    given = signatures.signature_def["serving_default"].inputs["x"]
    assert given.dtype == DT_FLOAT, signatures
    assert [dim.size for dim in given.tensor_shape.dim] == [-1, 4], signatures
    [version] = models.GetModelStatus(named(GetModelStatusRequest(), "double"), WITHIN_S).model_version_status
    assert (version.version, version.state) == (1, ModelVersionStatus.AVAILABLE), version


def check_refusals():
    """Who asks for what there is not, or sends what does not fit, is told so in the words of the original."""
    wide = TensorProto(dtype=DT_FLOAT, tensor_shape=shape(1, 5), float_val=[1] * 5)
    for model, code, said in (
        ("nobody", grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(nobody)"),
        ("double", grpc.StatusCode.INVALID_ARGUMENT, "x"),
    ):
        request = named(PredictRequest(), model)
        request.inputs["x"].CopyFrom(wide)
        try:
            prediction.Predict(request, WITHIN_S)
        except grpc.RpcError as error:
            assert (error.code(), said in error.details()) == (code, True), error
        else:
            raise AssertionError(f"{model} answered")


check_predict()
check_examples()
check_about()
check_refusals()
channel.close()
print("ok")
