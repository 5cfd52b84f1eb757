"""What `send` makes of files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pointsman.cli.payload import read, signature_of
from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import SettingsError


def signature(*shape: int, datatype: str = "FP32") -> Signature:
    return Signature((TensorSpec("pixels", datatype, shape),))


def image(folder: Path, width: int, height: int, mode: str = "L", colour: Any = 255) -> str:
    file = folder / "image.png"
    Image.new(mode, (width, height), colour).save(file)
    return str(file)


def arrays(inputs: Any) -> dict[str, Any]:
    assert isinstance(inputs, dict)
    return inputs


def test_an_array_gets_the_inputs_name_dtype_and_batch(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4))
    pixels = arrays(read(str(tmp_path / "x.npy"), "", signature(-1, 4), 1.0))["pixels"]
    assert (pixels.dtype, pixels.shape) == (np.float32, (1, 4))


def test_an_array_for_an_unknown_model_stays_as_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4))
    assert arrays(read(str(tmp_path / "x.npy"), "", None, 1.0))["input"].shape == (4,)


def test_an_archive_keeps_its_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.ones((1, 2)), b=np.zeros((1, 1)))
    assert arrays(read(str(tmp_path / "x.npz"), "", signature(-1, 4), 1.0)).keys() == {"a", "b"}


def test_standard_input_may_be_json_or_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((1, 2)))
    for data, name in ((buffer.getvalue(), "input"), (b'{"age": 3}', "age")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert name in arrays(read("-", "", None, 1.0))


@pytest.mark.parametrize(
    ("text", "body"), [('{"age": 3}', {"age": 3}), ("[[1, 2]]", {"instances": [[1, 2]]})]
)
def test_a_json_list_is_rows(text: str, body: Any) -> None:
    assert read("", text, None, 1.0) == body


@pytest.mark.parametrize(
    ("shape", "mode", "wanted"),
    [
        ((-1, 64), "L", (1, 64)),
        ((-1, 8, 8), "RGB", (1, 8, 8)),
        ((-1, 1, 8, 8), "L", (1, 1, 8, 8)),
        ((-1, 3, 4, 6), "L", (1, 3, 4, 6)),
        ((-1, 4, 6, 3), "RGB", (1, 4, 6, 3)),
    ],
)
def test_an_image_takes_the_inputs_shape_and_range(
    tmp_path: Path, shape: tuple[int, ...], mode: str, wanted: tuple[int, ...]
) -> None:
    white = (255, 255, 255) if mode == "RGB" else 255
    file = image(tmp_path, 20, 30, mode=mode, colour=white)
    pixels = arrays(read(file, "", signature(*shape), 16.0))["pixels"]
    assert (pixels.shape, pixels.dtype) == (wanted, np.float32)
    assert set(pixels.ravel()) == {16.0}


def test_colours_come_first_where_the_input_wants_it(tmp_path: Path) -> None:
    file = image(tmp_path, 2, 2, mode="RGB", colour=(255, 0, 0))
    pixels = arrays(read(file, "", signature(-1, 3, 2, 2), 1.0))["pixels"]
    assert pixels[0].mean(axis=(1, 2)).tolist() == [1.0, 0.0, 0.0]


def test_a_model_that_takes_bytes_gets_the_file(tmp_path: Path) -> None:
    file = image(tmp_path, 2, 2)
    element = arrays(read(file, "", signature(-1, 1, datatype="BYTES"), 1.0))["pixels"]
    assert element.tolist() == [[Path(file).read_bytes()]]


@pytest.mark.parametrize("shape", [(-1, 7), (-1, -1), (-1, 2, 8, 8), (-1,)])
def test_an_image_for_an_input_of_another_kind_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="does not fit"):
        read(image(tmp_path, 2, 2), "", signature(*shape), 1.0)


def test_a_broken_body_is_called_by_the_name_of_its_option() -> None:
    with pytest.raises(SettingsError, match="--body is not JSON"):
        read("", "{", None, 1.0)


@pytest.mark.parametrize(
    "name", ["x.json", "x.npy", "empty.npz", "cut.npz", "pickled.npz", "x.png", "missing.json"]
)
def test_a_broken_file_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04cut")
    np.savez(tmp_path / "pickled.npz", allow_pickle=True, x=np.array([{}], dtype=object))
    (tmp_path / "x.json").write_bytes(b"{")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPYrest")
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(SettingsError, match=name):
        read(str(tmp_path / name), "", signature(-1, 64), 1.0)


def test_the_signature_is_the_versions_or_any(tmp_path: Path) -> None:
    known = VersionSpec("file:///x", signature=signature(-1, 4))
    table = RouteTable(
        "m",
        versions={
            "1": VersionEntry("1", VersionSpec("file:///y"), VersionState.LOADING, 1),
            "2": VersionEntry("2", known, VersionState.READY, 1),
        },
    )
    assert signature_of(table, "") == known.signature
    assert signature_of(table, "1") is None
    assert signature_of(RouteTable("m"), "") is None
