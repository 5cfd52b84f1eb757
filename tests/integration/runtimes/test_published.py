"""Models that nobody here wrote, served as they were published: they answer what their own libraries do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array, Item
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from tests.integration.runtimes.published import TEXTS, minilm, sentences, silero

SOUND = {"name": "input", "datatype": "FP32", "shape": [-1, 576]}
STATE = {"name": "state", "datatype": "FP32", "shape": [-1, 2, 128]}
CONTEXT = 64  # samples of the piece before, which the detector wants in front of each


def served(described: Any, **settings: Any) -> Loaded:
    return load(msgspec.convert(described, VersionSpec), Settings(**settings), lambda: None).loaded


def column(*texts: str) -> Array:
    array: Array = np.empty(len(texts), dtype=object)
    array[:] = [text.encode() for text in texts]
    return array


def answers(version: Loaded, items: list[Item], output: str) -> list[Array]:
    results = version.infer(items, 64)
    assert all(isinstance(result, dict) for result in results), results
    return [result[output] for result in results if isinstance(result, dict)]


def test_a_sentence_encoder_takes_text_and_gives_its_librarys_embeddings() -> None:
    folder = minilm()
    wanted = np.load(folder / "embeddings.npy")
    version = served(sentences(folder))
    assert version.signature is not None
    [given], [made] = version.signature.inputs, version.signature.outputs
    assert (given.name, given.datatype, given.shape) == ("text", "BYTES", (-1,))
    assert (made.name, made.datatype, made.shape) == ("embedding", "FP32", (-1, 384))
    # In company: short texts are filled up to the longest of the pass, which must not show.
    items = [{"text": column(TEXTS[0])}, {"text": column(*TEXTS[1:4])}, {"text": column(*TEXTS[4:])}]
    found = np.concatenate(answers(version, items, "embedding"))
    cosine = (found * wanted).sum(axis=1)
    assert cosine.min() > 0.9999, cosine
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.fixture(scope="module")
def detector() -> Path:
    return silero()


@pytest.mark.filterwarnings("ignore:.*torch.jit.load:FutureWarning")
def test_a_voice_detector_that_keeps_a_state_forgets_it_between_requests(detector: Path) -> None:
    known = np.load(detector / "answers.npz")
    version = served(
        {
            "uri": (detector / "silero.ts").as_uri(),
            "runtime": "torch",
            "signature": {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 512]}]},
            "options": {"torch.reset": "reset_states"},
            "before": [{"use": "constants", "options": {"sr": "16000"}}],
        },
        trusted_stores=(detector.as_uri(),),
    )
    pieces = known["pieces"]
    items = [{"x": pieces[:1]}, {"x": pieces[1:4]}, {"x": pieces[4:]}]
    found = np.concatenate(answers(version, items, "output"))[:, 0]
    np.testing.assert_allclose(found, known["each"], atol=1e-5)
    for piece, wanted in zip(pieces[:9], known["each"], strict=False):
        [alone] = answers(version, [{"x": piece[None]}], "output")
        np.testing.assert_allclose(alone[0, 0], wanted, atol=1e-5)


def test_a_voice_detector_carries_its_state_from_answer_to_request(detector: Path) -> None:
    known = np.load(detector / "answers.npz")
    version = served(
        {
            "uri": (detector / "silero.onnx").as_uri(),
            "runtime": "onnx",
            "signature": {"inputs": [SOUND, STATE]},
            "before": [
                {"use": "rows", "options": {"state": "1"}},
                {"use": "constants", "options": {"sr": "16000"}},
            ],
            "after": [{"use": "rows", "options": {"stateN": "1"}}],
        }
    )
    pieces = known["pieces"]
    before = np.concatenate([np.zeros((1, CONTEXT), "f4"), pieces[:-1, -CONTEXT:]])
    rows = np.concatenate([before, pieces], axis=1)
    state, other = np.zeros((1, 2, 128), "f4"), np.full((2, 2, 128), 0.5, "f4")
    found = []
    for row in rows:
        # Somebody else's sound is in the same pass, with a state of its own.
        stranger = {"input": np.ones((2, 576), "f4"), "state": other}
        mine, theirs = version.infer([{"input": row[None], "state": state}, stranger], 64)
        assert isinstance(mine, dict)
        assert isinstance(theirs, dict)
        state, other = mine["stateN"], theirs["stateN"]
        found.append(float(mine["output"][0, 0]))
    np.testing.assert_allclose(found, known["in_order"], atol=1e-5)
    assert np.abs(known["in_order"] - known["each"]).max() > 0.05, "so that its state matters"
