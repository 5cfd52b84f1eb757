"""Certificates that `openssl` makes here."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pointsman.settings import Settings, load

ELLIPTIC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def issue(
    folder: Path, name: str, *more: str, signer: str = "", kind: tuple[str, ...] = (*ELLIPTIC, "-nodes")
) -> None:
    """Write NAME.pem and NAME.key, valid for two days, signed by itself or by `signer` of the same folder."""
    files = ("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")
    authority = ("-CA", f"{signer}.pem", "-CAkey", f"{signer}.key")
    signed = (*authority, "-addext", "basicConstraints=critical,CA:FALSE")
    command = ["openssl", "req", "-x509", *kind, *files, *(signed if signer else ()), *more]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def joined(folder: Path, name: str) -> Path:
    """Return a file with both the certificate and its key."""
    both = folder / f"{name}-both.pem"
    both.write_bytes((folder / f"{name}.key").read_bytes() + (folder / f"{name}.pem").read_bytes())
    return both


def settings_of(folder: Path, **files: str) -> Settings:
    """Return settings whose TLS fields name these files of the folder."""
    return load({f"POINTSMAN_TLS_{field.upper()}": str(folder / name) for field, name in files.items()})
