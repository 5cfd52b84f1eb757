"""Images before a network: decoded by Pillow, resized, cropped and normalised as the description says."""

from __future__ import annotations

from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from pointsman.core.tensor import Array, Item, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.runtimes.base import Fault
from pointsman.runtimes.step_options import StepOptions
from pointsman.runtimes.steps import Before, Inputs

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_MODES: Final = ("RGB", "L")
_FILTERS: Final = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
_MOST_SIDE: Final = 16_384
_MOST_PIXELS: Final = 1 << 26  # a camera's; 192 MiB while it is decoded


class _Recipe(NamedTuple):
    """What is done to the pixels of an image."""

    mode: str
    most_pixels: int
    resize: tuple[int, ...]
    filter: Image.Resampling
    crop: tuple[int, ...]
    scale: float
    mean: Array
    std: Array
    is_channels_first: bool


def image(options: StepOptions, wanted: Inputs | None) -> Before:
    """Return the step from a column of JPEG, PNG, WebP, BMP or GIF files to pixels.

    Options: `resize` (`256`: the shorter side; `224x320`: height and width), `filter`, `crop` (out of the
    middle), `mode` (`RGB`, `L`), `scale` (each value times that, 1/255), `mean` and `std` (per channel, after
    it), `layout` (`NCHW`, `NHWC`), `max_pixels`, `input` and `output` (names).
    """
    options.only(
        "resize", "filter", "crop", "mode", "scale", "mean", "std", "layout", "max_pixels", "input", "output"
    )
    column = options.text("input", "image")
    output = options.text("output") or (wanted[0].name if wanted else "input")
    recipe = _recipe(options)

    def step(item: Item) -> Item:
        given = item.get(column)
        if given is None or not given.dtype.hasobject or given.ndim != 1:
            said = f"input {column!r} must be files of images, BYTES of shape [-1]"
            raise Fault(Failure(INVALID_ARGUMENT, said, column), final=True)
        return {output: _pixels(given.tolist(), recipe, column)}

    sample: Array = np.empty(1, dtype=object)
    sample[0] = _black(recipe)
    return Before(step, (TensorSpec(column, "BYTES", (-1,)),), {column: sample})


def _recipe(options: StepOptions) -> _Recipe:
    resize, crop = _size(options, "resize"), _size(options, "crop")
    if not resize and not crop:
        raise options.fault("resize", "say the size that the network takes: `resize`, `crop` or both")
    if len(resize) == 1 and not crop:
        raise options.fault("crop", "the other side of a `resize` by the shorter one is free; `crop` it")
    if resize and crop and (crop[0] > resize[0] or crop[-1] > resize[-1]):
        raise options.fault("crop", "is more than what `resize` leaves")
    mode = options.choice("mode", _MODES)
    mean, std = _channels(options, "mean", mode, 0.0), _channels(options, "std", mode, 1.0)
    scale = options.numbers("scale") or (1 / 255,)
    if len(scale) != 1:
        raise options.fault("scale", "must be one number")
    return _Recipe(
        mode,
        options.whole("max_pixels", _MOST_PIXELS, 1, 1 << 30),
        resize,
        _FILTERS[options.choice("filter", _FILTERS)],
        crop * (3 - len(crop)) if crop else (),
        scale[0],
        mean,
        std,
        options.choice("layout", ("NCHW", "NHWC")) == "NCHW",
    )


def _size(options: StepOptions, name: str) -> tuple[int, ...]:
    parts = options.text(name).lower().split("x") if options.text(name) else []
    if len(parts) > 2 or not all(part.isdecimal() and 1 <= int(part) <= _MOST_SIDE for part in parts):
        raise options.fault(name, f"must be N or HEIGHTxWIDTH, from 1 to {_MOST_SIDE}")
    return tuple(map(int, parts))


def _channels(options: StepOptions, name: str, mode: str, default: float) -> Array:
    values = options.numbers(name) or (default,)
    if len(values) not in (1, len(mode)):
        raise options.fault(name, f"must be one number, or one for each channel of {mode}")
    if name == "std" and not all(values):
        raise options.fault(name, "must not be 0")
    return np.asarray(values, np.float32)


def _pixels(files: list[bytes], recipe: _Recipe, column: str) -> Array:
    """Return the images below each other; raises Fault with each row that is none."""
    images, bad = [], {}
    for row, file in enumerate(files):
        try:
            images.append(_prepared(file, recipe))
        except _NoImage as error:
            bad[row] = Failure(INVALID_ARGUMENT, f"input {column!r} has an element that {error}", column)
    if bad:
        raise Fault(next(iter(bad.values())), rows=bad)
    return np.stack(images)


class _NoImage(Exception):
    """Why a file is no image that is served."""


def _prepared(file: bytes, recipe: _Recipe) -> Array:
    picture = _decoded(file, recipe)
    if recipe.resize:
        target = _target(picture.size, recipe.resize)
        _bounded(target, recipe)  # one pixel wide, its length grows with its width
        picture = picture.resize(target, recipe.filter)
    if recipe.crop:
        picture = _cropped(picture, recipe.crop)
    values: Array = np.asarray(picture, np.float32).reshape(picture.height, picture.width, -1)
    values = (values * np.float32(recipe.scale) - recipe.mean) / recipe.std
    return np.ascontiguousarray(values.transpose(2, 0, 1)) if recipe.is_channels_first else values


def _decoded(file: bytes, recipe: _Recipe) -> Image.Image:
    try:
        with Image.open(BytesIO(file), formats=_FORMATS) as opened:
            _bounded(opened.size, recipe)
            return opened.convert(recipe.mode)
    except _NoImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _NoImage(f"has more than {recipe.most_pixels} pixels") from error
    except Exception as error:  # a decoder raises whatever its format makes it
        raise _NoImage(f"is no whole image of {', '.join(_FORMATS)}") from error


def _bounded(size: tuple[int, int], recipe: _Recipe) -> None:
    if size[0] * size[1] > recipe.most_pixels:
        raise _NoImage(f"has more than {recipe.most_pixels} pixels")


def _target(size: tuple[int, int], wanted: tuple[int, ...]) -> tuple[int, int]:
    """Return width and height after a resize; one number is the shorter side's."""
    if len(wanted) == 2:
        return wanted[1], wanted[0]
    width, height = size
    if width <= height:
        return wanted[0], int(wanted[0] * height / width)
    return int(wanted[0] * width / height), wanted[0]


def _cropped(picture: Image.Image, crop: tuple[int, ...]) -> Image.Image:
    height, width = crop
    if picture.width < width or picture.height < height:
        raise _NoImage(f"has {picture.width} x {picture.height} pixels; {width} x {height} are cut out of it")
    left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
    return picture.crop((left, top, left + width, top + height))


def _black(recipe: _Recipe) -> bytes:
    """Return a file for the warm-up: black, and as large as what is cut out of it."""
    height, width = recipe.crop or (64, 64)
    buffer = BytesIO()
    Image.new(recipe.mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()
