"""What settings a gateway does not start with."""

from __future__ import annotations

import pytest

from pointsman.errors import SettingsError
from pointsman.gateway.gateway import gateway_app
from pointsman.settings import Settings


def test_a_body_for_which_there_would_never_be_room_is_no_setting() -> None:
    with pytest.raises(SettingsError, match=r"bodies_bytes is 199; .* body_bytes, 100"):
        gateway_app(Settings(body_bytes=100, bodies_bytes=199))
