"""Trains the three example models and writes what is needed to serve and try them.

    python -m pointsman_examples.train models/

writes `digits-linear.safetensors`, `digits-cnn.safetensors`, `wine.safetensors`, an example input of each
model (`*-example.npy`), sample images (`digit-<class>.png`) and the models' YAML files, ready for
`pointsman apply models/digits.yaml models/wine.yaml`. Seeded: the same machine gives the same weights.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from safetensors.torch import save
from torch import Tensor, nn

from pointsman_examples import data, digits, wine

Classifier = digits.Linear | digits.Cnn | wine.Wine

BATCH: Final = 64
EXAMPLE_ROWS: Final = 4
HERE: Final = Path(__file__).parent


def train(folder: Path, console: Console) -> dict[str, float]:
    """Train all models, write their files to `folder` and return the held-out accuracy by artifact name."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(data.SEED)
    torch.set_num_threads(1)  # faster for networks of this size
    images, wines = data.digits(), data.wine()
    taster = wine.mlp()
    taster.standardise(torch.from_numpy(wines.train_rows))
    plan: list[tuple[str, Classifier, data.Split, int]] = [
        ("digits-linear", digits.linear(), images, 40),
        ("digits-cnn", digits.cnn(), images, 15),
        ("wine", taster, wines, 60),
    ]
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for name, model, split, epochs in plan:
            steps = fit(model, split, epochs)
            for _ in progress.track(steps, total=epochs, description=f"training {name}"):
                pass
            # Written as bytes: `save_file` makes files that only their owner can read.
            (folder / f"{name}.safetensors").write_bytes(save(model.state_dict()))
    write_samples(folder, images, wines)
    return {name: accuracy(model, split) for name, model, split, _ in plan}


def fit(model: Classifier, split: data.Split, epochs: int) -> Iterator[int]:
    """Train `model`, yielding after each epoch."""
    rows, classes = torch.from_numpy(split.train_rows), torch.from_numpy(split.train_classes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for epoch in range(epochs):
        order = torch.randperm(len(rows))
        for start in range(0, len(rows), BATCH):
            picked = order[start : start + BATCH]
            loss = nn.functional.cross_entropy(model.logits(rows[picked]), classes[picked])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        schedule.step()
        yield epoch


@torch.inference_mode()
def accuracy(model: Classifier, split: data.Split) -> float:
    """Return the share of held-out rows that `model` classifies rightly."""
    guesses: Tensor = model.logits(torch.from_numpy(split.held_rows)).argmax(1)
    return float((guesses.numpy() == split.held_classes).mean())


def write_samples(folder: Path, images: data.Split, wines: data.Split) -> None:
    """Write example inputs, one held-out image of each digit, and the models' YAML files."""
    np.save(folder / "digits-example.npy", images.held_rows[:EXAMPLE_ROWS])
    np.save(folder / "wine-example.npy", wines.held_rows[:EXAMPLE_ROWS])
    for digit in range(10):
        row = images.held_rows[images.held_classes == digit][0]
        # 8 bits hold 0..255; the scanner's 16 becomes white.
        grey = (row.reshape(digits.SIDE, digits.SIDE) * 255 / digits.BRIGHTEST).round().astype(np.uint8)
        Image.fromarray(grey).save(folder / f"digit-{digit}.png")
    for name in ("digits.yaml", "wine.yaml"):
        shutil.copyfile(HERE / name, folder / name)


def main() -> None:
    """Train from the command line and print the accuracies."""
    parser = argparse.ArgumentParser(description="Train the example models.")
    parser.add_argument("folder", type=Path, help="where artifacts, samples and YAML files go")
    folder: Path = parser.parse_args().folder
    console = Console()
    table = Table("artifact", "held-out accuracy")
    for name, share in train(folder, console).items():
        table.add_row(f"{folder / name}.safetensors", f"{share:.1%}")
    console.print(table)


if __name__ == "__main__":
    main()
