"""Writes what torchvision makes of photographs, as most networks are trained: pixels.py FOLDER."""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision import transforms

folder = Path(sys.argv[1])
chain = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)
pixels = []
for number, file in enumerate(json.loads((folder / "files.json").read_text())):
    content = Path(file).read_bytes()
    (folder / f"{number}.jpg").write_bytes(content)
    with Image.open(file) as opened:
        pixels.append(chain(opened.convert("RGB")).numpy())
np.save(folder / "pixels.npy", np.stack(pixels))
