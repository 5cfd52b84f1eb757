"""Copies the voice detector's files, and writes what its own library makes of sound: silero.py FOLDER."""

import shutil
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from silero_vad import load_silero_vad

folder = Path(sys.argv[1])
data = resources.files("silero_vad.data")
shutil.copy(str(data / "silero_vad.onnx"), folder / "silero.onnx")
shutil.copy(str(data / "silero_vad.jit"), folder / "silero.ts")

# A voice-like sound, seconds of it, in pieces of 32 ms at 16 kHz: tones whose strength and pitch change.
time = np.arange(60 * 512) / 16_000
pitch = 140 + 30 * np.sin(2 * np.pi * 0.7 * time)
phase = 2 * np.pi * np.cumsum(pitch) / 16_000
sound = sum(np.sin(phase * harmonic) / harmonic for harmonic in range(1, 20)) * (
    1 + np.sin(2 * np.pi * 4 * time)
)
pieces = torch.from_numpy((0.1 * sound).astype("f4")).reshape(60, 512)

streamed = load_silero_vad(onnx=True)
alone = load_silero_vad(onnx=False)
in_order, each = [], []
for piece in pieces:
    in_order.append(streamed(piece[None], 16_000).item())
    alone.reset_states()
    each.append(alone(piece[None], 16_000).item())
np.savez(folder / "answers.npz", pieces=pieces.numpy(), in_order=in_order, each=each)
