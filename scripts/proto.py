"""`python -m scripts.proto FOLDER`: generates the message classes of proto/ under FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent.parent / "proto"


def generate(folder: Path) -> None:
    """Write `pointsman/pb/*/*_pb2.py` and `.pyi` under `folder`, which must exist. Raises RuntimeError."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    sources = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))
    includes = [f"-I{PROTO}", f"-I{well_known}"]
    status = protoc.main(["protoc", *includes, f"--python_out={folder}", f"--pyi_out={folder}", *sources])
    if status != 0:
        raise RuntimeError(f"protoc ended with status {status}")


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
