"""What is known to have broken other servers, over real connections to the doors."""

from __future__ import annotations

import msgspec
import pytest

from pointsman.gateway import rest
from pointsman.http.limits import Limits
from tests.fuzz import nasty_messages, nasty_requests
from tests.unit.gateway.grpc.doors import CATALOGUE, served, within
from tests.unit.gateway.scene import Scene
from tests.unit.gateway.test_fuzz import WIDTH, PodPlane, told
from tests.unit.http.scene import said


@pytest.mark.parametrize("case", nasty_requests.HTTP, ids=lambda case: case.what)
def test_a_nasty_request_is_told_what_is_wrong_with_it(case: nasty_requests.Nasty) -> None:
    site = Scene(plane=PodPlane()).site
    limits = Limits.of_strangers(64 << 20)
    answer = said(case.sent("m", WIDTH), handler=site, limits=limits, say=rest.said)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % case.status), answer
    assert case.said in msgspec.json.decode(body)["error"], answer


@pytest.mark.parametrize("case", nasty_messages.GRPC, ids=lambda case: case.what)
def test_a_nasty_message_is_told_what_is_wrong_with_it(case: nasty_messages.NastyMessage) -> None:
    async def story() -> None:
        async with served(PodPlane(), CATALOGUE) as (_, client):  # type: ignore[arg-type]
            codes, details = await told(client.channel, case.asked("m", WIDTH))
        assert codes == {case.code}
        assert case.said in details

    within(story())
