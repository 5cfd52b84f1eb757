from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
import yaml

from pointsman.core.tensor import DTYPES, Signature
from pointsman.wire.control import command_from_text
from pointsman_examples import data, digits, mlp, train, wine

PACKAGE = Path(digits.__file__).parent


@pytest.mark.parametrize("factory", [digits.linear, digits.cnn, wine.mlp, mlp.mlp, mlp.slow])
def test_a_model_keeps_its_signature(factory: Any) -> None:
    module = factory().eval()
    signature = msgspec.convert(module.signature, Signature, strict=False)
    rows = torch.rand(3, signature.inputs[0].shape[1])

    outputs = module(rows)

    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for expected, output in zip(signature.outputs, outputs, strict=True):
        assert output.shape == (3, *expected.shape[1:])
        assert output.detach().numpy().dtype == DTYPES[expected.datatype]


@pytest.mark.parametrize("factory", [digits.linear, digits.cnn])
def test_scores_are_probabilities(factory: Any) -> None:
    scores = factory()(torch.from_numpy(data.digits().held_rows[:5]))

    torch.testing.assert_close(scores.sum(1), torch.ones(5))


def test_held_out_rows_are_never_trained_on() -> None:
    split = data.digits()

    trained = {row.tobytes() for row in split.train_rows}

    assert len(split.train_rows) + len(split.held_rows) == 1797
    assert not any(row.tobytes() in trained for row in split.held_rows)


def test_the_split_is_the_same_every_time() -> None:
    np.testing.assert_array_equal(data.digits().held_rows, data.digits().held_rows)


def test_training_learns_and_is_reproducible() -> None:
    split = data.wine()
    accuracies = []
    for _ in range(2):
        torch.manual_seed(data.SEED)
        model = wine.mlp()
        model.standardise(torch.from_numpy(split.train_rows))
        for _ in train.fit(model, split, 30):
            pass
        accuracies.append(train.accuracy(model, split))

    assert accuracies[0] == accuracies[1] > 0.9


@pytest.mark.parametrize("name", ["digits.yaml", "wine.yaml"])
def test_a_model_file_is_a_valid_command(name: str) -> None:
    command = command_from_text((PACKAGE / name).read_bytes(), "id")

    assert command.model == name.removesuffix(".yaml")


def test_the_features_of_the_model_file_are_the_rows_of_the_model() -> None:
    route = yaml.safe_load((PACKAGE / "wine.yaml").read_text())["route"]

    assert tuple(route["features"]) == wine.FEATURES


def test_a_sample_image_holds_the_pixels_of_its_row(tmp_path: Path) -> None:
    from PIL import Image

    split = data.digits()
    train.write_samples(tmp_path, split, data.wine())

    grey = np.asarray(Image.open(tmp_path / "digit-3.png"), np.float32)

    expected = split.held_rows[split.held_classes == 3][0]
    np.testing.assert_allclose(grey.reshape(-1) * digits.BRIGHTEST / 255, expected, atol=0.04)
