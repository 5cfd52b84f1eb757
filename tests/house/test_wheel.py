from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.house.tree import ROOT

PIP_WHEEL = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")


def test_an_installed_wheel_has_what_up_needs_and_nothing_built(tmp_path: Path) -> None:
    subprocess.run([sys.executable, *PIP_WHEEL, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("pointsman-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    engine = "pointsman/localstack/engine"
    assert names >= {
        "pointsman/py.typed",
        "pointsman/pb/v1/inference_pb2.py",
        "pointsman/gateway/page/index.html",
        "pointsman/gateway/page/console.js",
        f"{engine}/module.yaml",
        f"{engine}/pom.xml",
        f"{engine}/conf/flink-conf.yaml",
        f"{engine}/job/src/main/java/pointsman/engine/IngressAdapter.java",
    }
    assert [name for name in names if "/target/" in name or "__pycache__" in name] == []
