"""Images go in as files; what the network sees of them is what it saw when it was trained."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from pointsman.core.spec import Step, VersionSpec
from pointsman.core.tensor import Array, Item
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from tests.integration.runtimes.published import photographs

TRAINED = {"resize": "256", "crop": "224", "mean": "0.485, 0.456, 0.406", "std": "0.229, 0.224, 0.225"}


def seen(folder: Path, options: dict[str, str], *sizes: int) -> Loaded:
    """Return a network that answers with the pixels that it is given, which are of these sizes."""
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["rows", *sizes])
    made = helper.make_tensor_value_info("seen", TensorProto.FLOAT, ["rows", *sizes])
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["seen"])], "seen", [given], [made])
    path = folder / "seen.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    spec = VersionSpec(path.as_uri(), "onnx", before=(Step("image", options=options),))
    return load(spec, Settings(), lambda: None).loaded


def column(*files: bytes) -> Item:
    array: Array = np.empty(len(files), dtype=object)
    array[:] = files
    return {"image": array}


def file_of(pixels: Array, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def claimed(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says that it is so large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rest = chunk(b"IDAT", zlib.compress(bytes(1_000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rest


def test_a_network_sees_photographs_as_torchvision_shows_them(tmp_path: Path) -> None:
    folder = photographs()
    wanted = np.load(folder / "pixels.npy")
    version = seen(tmp_path, TRAINED, 3, 224, 224)
    assert version.signature is not None
    [given] = version.signature.inputs
    assert (given.name, given.datatype, given.shape) == ("image", "BYTES", (-1,))
    files = [(folder / f"{number}.jpg").read_bytes() for number in range(2)]
    both, second = version.infer([column(*files), column(files[1])], 64)
    assert isinstance(both, dict)
    assert isinstance(second, dict)
    np.testing.assert_allclose(both["seen"], wanted, atol=1e-5)
    np.testing.assert_allclose(second["seen"], wanted[1:], atol=1e-5)


def test_every_format_mode_and_layout_is_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (9, 7, 3), np.uint8)
    version = seen(tmp_path, {"resize": "9x7", "layout": "NHWC", "scale": "1"}, 9, 7, 3)
    grey = pixels[..., 0]
    items = [column(file_of(pixels, kind)) for kind in ("PNG", "BMP")] + [column(file_of(grey))]
    wanted = [pixels, pixels, np.repeat(grey[..., None], 3, axis=2)]
    for result, one in zip(version.infer(items, 8), wanted, strict=True):
        assert isinstance(result, dict)
        np.testing.assert_array_equal(result["seen"][0], one)
    version = seen(tmp_path, {"crop": "5x3", "mode": "L"}, 1, 5, 3)
    [result] = version.infer([column(file_of(grey))], 8)
    assert isinstance(result, dict)
    np.testing.assert_allclose(result["seen"][0, 0], grey[2:7, 2:5] / np.float32(255), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_image_fails_alone_however_many_there_are(tmp_path: Path) -> None:
    version = seen(tmp_path, {"resize": "8x8", "max_pixels": "1000000"}, 3, 8, 8)
    whole = file_of(np.full((40, 40, 3), 9, np.uint8), "JPEG")
    bad = {
        "text": (b"no image", "no whole image"),
        "nothing": (b"", "no whole image"),
        "cut short": (whole[: len(whole) // 2], "no whole image"),
        "a vector drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no whole image"),
        "too large": (claimed(1_100, 1_000), "more than 1000000 pixels"),
        "a bomb": (claimed(12_000, 10_000), "more than 1000000 pixels"),
        "a larger bomb": (claimed(2**31 - 1, 2**31 - 1), "more than 1000000 pixels"),
    }
    items = [column(whole), *(column(whole, file, whole) for file, _ in bad.values())] * 20 + [
        column(whole)
    ] * 9
    results = version.infer(items, 64)
    assert len(results) == len(items)
    for number, result in enumerate(results):
        which = number % (len(bad) + 1) - 1
        if number >= 20 * (len(bad) + 1) or which < 0:
            assert isinstance(result, dict), result
            assert result["seen"].shape == (1, 3, 8, 8)
            continue
        name, (_, said) = list(bad.items())[which]
        assert isinstance(result, Failure), name
        assert (result.code, result.field) == (INVALID_ARGUMENT, "image")
        assert said in result.message, name


@pytest.mark.parametrize(("width", "height"), [(1, 60_000), (60_000, 1)])
def test_an_image_that_grows_when_it_is_resized_is_refused(tmp_path: Path, width: int, height: int) -> None:
    version = seen(tmp_path, {"resize": "256", "crop": "256", "max_pixels": "1000000"}, 3, 256, 256)
    [result] = version.infer([column(file_of(np.zeros((height, width), np.uint8)))], 8)
    assert isinstance(result, Failure)
    assert "pixels" in result.message
