"""The request forms of BigDL Cluster Serving, as its documentation has them: every instance, every type."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.core.signature import check_item
from pointsman.core.tensor import DATATYPES, DTYPES, Item, Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.wire.json_request import INSTANCES, item_from_json

JPEG = base64.b64encode(b"\xff\xd8\xff\xe0\0\x10JFIF").decode()
IMAGES = f'{{"instances":[{{"image":"{JPEG}"}},{{"image":"{JPEG}"}}]}}'
IMAGES_B64 = f'{{"instances":[{{"image":{{"b64":"{JPEG}"}}}}]}}'
TENSORS = '{"instances":[{"ids":[100.0,88.0]},{"ids":[100.0,88.0]}]}'
MIXED = (
    '{"instances":[{"intScalar":12345,"floatScalar":3.14159,"stringScalar":"hello, world. hello, arrow.",'
    '"intTensor":[7756,9549],"floatTensor":[0.68,0.30],"stringTensor":["come","on","united"],'
    '"intTensor2":[[1,2],[3,4],[5,6]],"floatTensor2":[[[0.2,0.3],[0.5,0.6]],[[0.2,0.3],[0.5,0.6]]],'
    '"stringTensor2":[[[["come","on","united"]]]]}]}'
)
SPARSE = (
    '{"instances":[{"sparseTensor":{"shape":[100,10000,10],"data":[0.2,0.5,3.45,6.78],'
    '"indices":[[1,1,1],[2,2,2],[3,3,3],[4,4,4]]},"intTensor2":[[1,2],[3,4],[5,6]]}]}'
)


def served(body: str, signature: Signature | None = None) -> Item:
    result = item_from_json(body.encode(), signature, ())
    assert not isinstance(result, Failure), result
    form, item = result
    assert (form, check_item(signature, item)) == (INSTANCES, None)
    return item


def test_images_stay_the_text_that_they_are() -> None:
    signature = Signature((TensorSpec("image", "BYTES", (-1,)),))
    assert served(IMAGES)["image"].tolist() == [JPEG.encode()] * 2
    assert served(IMAGES, signature)["image"].tolist() == [JPEG.encode()] * 2


def test_images_in_b64_are_bytes() -> None:
    assert served(IMAGES_B64)["image"].tolist() == [b"\xff\xd8\xff\xe0\0\x10JFIF"]


def test_every_instance_of_tensors_is_served() -> None:
    assert served(TENSORS)["ids"].tolist() == [[100.0, 88.0], [100.0, 88.0]]


@pytest.mark.parametrize(
    ("name", "datatype", "shape"),
    [
        ("intScalar", "INT64", (1,)),
        ("floatScalar", "FP32", (1,)),
        ("stringScalar", "BYTES", (1,)),
        ("intTensor", "INT64", (1, 2)),
        ("floatTensor", "FP32", (1, 2)),
        ("stringTensor", "BYTES", (1, 3)),
        ("intTensor2", "INT64", (1, 3, 2)),
        ("floatTensor2", "FP32", (1, 2, 2, 2)),
        ("stringTensor2", "BYTES", (1, 1, 1, 1, 3)),
    ],
)
def test_a_mixed_instance_keeps_every_type_and_shape(name: str, datatype: str, shape: Any) -> None:
    sent = msgspec.json.decode(MIXED)["instances"][0][name]
    array = served(MIXED)[name]
    assert (array.dtype, array.shape) == (DTYPES[datatype], shape)
    wanted = np.array([sent], "S").astype(object) if datatype == "BYTES" else np.array([sent], array.dtype)
    np.testing.assert_array_equal(array, wanted)


def test_a_mixed_instance_gets_the_datatypes_of_a_signature() -> None:
    types = {"intScalar": "INT32", "floatScalar": "FP64", "intTensor": "UINT16", "floatTensor": "FP16"}
    guessed = {name: (DATATYPES[array.dtype], array.shape) for name, array in served(MIXED).items()}
    specs = [TensorSpec(name, types.get(name, free), shape) for name, (free, shape) in guessed.items()]
    item = served(MIXED, Signature(tuple(specs)))
    assert {name: item[name].dtype for name in types} == {name: DTYPES[t] for name, t in types.items()}


def test_a_sparse_tensor_is_a_dense_row_beside_another_input() -> None:
    item = served(SPARSE)
    tensor = item["sparseTensor"]
    assert (tensor.dtype, tensor.shape) == (DTYPES["FP32"], (1, 100, 10_000, 10))
    places = [(0, n, n, n) for n in (1, 2, 3, 4)]
    assert [tensor[place] for place in places] == [np.float32(v) for v in (0.2, 0.5, 3.45, 6.78)]
    assert int(np.count_nonzero(tensor)) == 4
    assert item["intTensor2"].tolist() == [[[1, 2], [3, 4], [5, 6]]]
