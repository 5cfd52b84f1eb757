"""`new pod` and `new model`: small projects that work as they are."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml

from pointsman.cli import modelfile
from pointsman.cli.scaffold import write_model, write_pod
from pointsman.core.tensor import Signature
from pointsman.errors import SettingsError
from pointsman.runtimes.framework import runtime_of


@pytest.mark.parametrize(
    ("name", "module", "class_name"),
    [
        ("churn", "churn", "Churn"),
        ("my-model.v2", "my_model_v2", "MyModelV2"),
        ("json", "model_json", "Json"),
        ("7days", "model_7days", "Model7days"),
        ("lambda", "model_lambda", "Lambda"),
        ("none", "none", "ModelNone"),
    ],
)
def test_names_are_importable_and_hide_nothing(
    tmp_path: Path, name: str, module: str, class_name: str
) -> None:
    write_pod(name, tmp_path)
    source = (tmp_path / name / f"{module}.py").read_text()
    assert f"class {class_name}:" in source
    (spec,) = modelfile.read(str(tmp_path / name / "apply.yaml"))
    assert spec["versions"]["1"]["uri"] == f"python:{module}:{class_name}"
    assert spec["versions"]["1"]["pool"] == name


def test_its_own_test_passes(tmp_path: Path) -> None:
    write_pod("churn", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=tmp_path / "churn", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("runtime", ["sklearn", "xgboost", "lightgbm", "onnx"])
def test_a_model_trains_and_its_own_test_passes(tmp_path: Path, runtime: str) -> None:
    written = {file.name for file in write_model("my-model.v2", runtime, tmp_path)}
    assert written == {"README.md", "example.json", "requirements.txt", "test_my_model_v2.py", "train.py"}
    folder = tmp_path / "my-model.v2"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout
    [artifact] = re.findall(r'ARTIFACT = "(.+)"', (folder / "train.py").read_text())
    assert runtime_of(artifact) == runtime
    assert f"publish my-model.v2 {artifact} " in (folder / "README.md").read_text()


def test_a_runtime_without_a_training_is_refused_by_those_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there are sklearn, xgboost, lightgbm, onnx"):
        write_model("churn", "fortran", tmp_path)
    with pytest.raises(SettingsError, match="no name for a model"):
        write_model("../Churn", "sklearn", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_its_class_answers_each_item_and_has_a_signature(tmp_path: Path) -> None:
    write_pod("churn", tmp_path)
    spec = importlib.util.spec_from_file_location("churn_scaffold", tmp_path / "churn" / "churn.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Churn(anything="text")
    signature = msgspec.convert(model.signature, Signature)
    items = [{signature.inputs[0].name: np.ones((rows, 3), np.float32)} for rows in (1, 4)]
    assert [len(result[signature.outputs[0].name]) for result in model.forward(items)] == [1, 4]


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    for file in (*write_pod("churn", tmp_path), *write_model("trees", "xgboost", tmp_path)):
        assert "$" not in file.read_text(), file
    assert yaml.safe_load((tmp_path / "churn" / "apply.yaml").read_text())["model"] == "churn"


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "churn").mkdir()
    with pytest.raises(SettingsError, match="exists already"):
        write_pod("churn", tmp_path)
    assert list((tmp_path / "churn").iterdir()) == []


def test_a_name_out_of_the_grammar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no name for a model"):
        write_pod("../Churn", tmp_path)
