"""The process that serves: `python -m pointsman.pod.worker package.module:function FD PARENT`."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
from collections.abc import Sequence

import uvloop

from pointsman import settings as settings_room
from pointsman.errors import SettingsError
from pointsman.pod.serving import application, serve
from pointsman.pod.supervisor import MISCONFIGURED
from pointsman.runtimes.orphan import die_with_parent


def main(arguments: Sequence[str]) -> None:
    """Serve on the inherited socket; end with the supervisor."""
    target, descriptor, parent = arguments
    die_with_parent(int(parent))
    try:
        settings = settings_room.load()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        # A batch makes thousands of short-lived objects and no cycles: collections find little, but what
        # a user's model leaves in cycles must not stay for hours.
        gc.set_threshold(50_000, 20, 5)
        status = uvloop.run(serve(application(target), settings, socket.socket(fileno=int(descriptor))))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there may be no log yet
        status = MISCONFIGURED
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a model that hangs in a thread must not keep the process.
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
