"""`python -m pointsman.pod`: a pod under its supervisor."""

from __future__ import annotations

from pointsman.pod.supervisor import main

if __name__ == "__main__":
    main("pointsman.pod.pod:pod_app")
