"""What the server does for every service: limits, compression, health, reflection, who may pass."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from pointsman.errors import Failure, SettingsError
from pointsman.gateway.access import Access
from pointsman.gateway.bearer import Bearer, Permit
from pointsman.gateway.desk import Desk
from pointsman.gateway.grpc.caller import text_metadata
from pointsman.gateway.grpc.door import Door
from pointsman.gateway.grpc.handlers import service_handlers
from pointsman.gateway.grpc.oip import OpenInference
from pointsman.gateway.grpc.refusal import MAX_TEXT, metadata_of
from pointsman.gateway.grpc.server import Options, grpc_server
from pointsman.gateway.key import Key
from pointsman.gateway.keyring import Keyring
from pointsman.http.budget import NO_ROOM
from pointsman.pb.oip import grpc_service_pb2 as oip
from tests.unit.gateway.grpc.doors import (
    CATALOGUE,
    OIP,
    OPEN,
    OWN,
    SERVICE,
    Client,
    Plane,
    each,
    infer,
    refusal,
    served,
    within,
)
from tests.unit.gateway.keys import Clock, key, write

HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def image(size: int) -> oip.ModelInferRequest:
    tensor = {"name": "x", "datatype": "UINT8", "shape": [size]}
    return oip.ModelInferRequest(model_name="m", inputs=[tensor], raw_input_contents=[bytes(size)])


def test_a_huge_message_is_refused_and_the_next_is_answered() -> None:
    async def story() -> None:
        async with served(options=Options(max_message_bytes=10_000)) as (_, client):
            error = await refusal(client(OIP, "ModelInfer", image(20_000)))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (await client(OIP, "ModelInfer", image(5_000))).model_name == "m"

    within(story())


def test_a_message_that_unpacks_into_a_huge_one_is_refused_before_it_is_unpacked() -> None:
    async def story() -> None:
        async with served(options=Options(max_message_bytes=100_000)) as (_, client):
            call = client(OIP, "ModelInfer", image(1_000_000), compression=grpc.Compression.Gzip)
            error = await refusal(call)
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "Decompressed" in error.details()

    within(story())


def test_large_requests_without_room_are_refused_and_small_ones_and_later_ones_are_not() -> None:
    async def story() -> None:
        answered = asyncio.Event()
        plane = Plane(lambda call: answered.wait() if call.id == "slow" else asyncio.sleep(0))
        slow = image(150_000)
        slow.id = "slow"
        async with served(plane, options=Options(max_held_bytes=200_000)) as (_, client):
            first = asyncio.ensure_future(client(OIP, "ModelInfer", slow))
            await plane.arrived.wait()
            error = await refusal(client(OIP, "ModelInfer", image(100_000)))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert error.details() == NO_ROOM
            assert (await client(OIP, "ModelInfer", image(60_000))).model_name == "m"
            answered.set()
            assert (await first).id == "slow"
            assert (await client(OIP, "ModelInfer", image(190_000))).model_name == "m"

    within(story())


def test_a_compressed_request_has_an_answer() -> None:
    async def story() -> None:
        async with served(options=Options(compress=True)) as (_, client):
            answer = await client(OIP, "ModelInfer", image(50_000), compression=grpc.Compression.Gzip)
            assert answer.raw_output_contents[0] == bytes(50_000)

    within(story())


class Context:
    """Stands in for a grpc.aio.ServicerContext, which does not tell a client how an answer was compressed."""

    def __init__(self, *metadata: tuple[str, str]) -> None:
        self.compression: object = None
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata

    def time_remaining(self) -> None: ...

    def set_compression(self, compression: object) -> None:
        self.compression = compression

    async def send_initial_metadata(self, metadata: object) -> None: ...

    def set_trailing_metadata(self, metadata: object) -> None: ...


@pytest.mark.parametrize(
    ("name", "compression"),
    [
        ("gzip", grpc.Compression.Gzip),
        ("deflate", grpc.Compression.Deflate),
        ("identity", grpc.Compression.NoCompression),
        ("unknown", None),
    ],
)
def test_an_answer_is_compressed_as_the_call_asks(name: str, compression: object) -> None:
    door = Door(desk=Desk(Plane(), {}, OPEN))
    handlers = service_handlers(SERVICE[OIP], OpenInference(door))
    live = handlers.service(SimpleNamespace(method=f"/{OIP}/ServerLive")).unary_unary
    context = Context(("x-pointsman-compression", name))
    assert asyncio.run(live(oip.ServerLiveRequest(), context)).live
    assert context.compression is compression


async def _health(client: Client, name: str) -> int:
    call = client.channel.unary_unary(
        HEALTH,
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    return int((await call(health_pb2.HealthCheckRequest(service=name))).status)


def test_health_and_readiness_are_what_the_gateway_says() -> None:
    async def story() -> None:
        async with served() as (server, client):
            for is_ready in (True, False, True):
                await server.set_ready(is_ready)
                wanted = 1 if is_ready else 2
                assert [await _health(client, name) for name in ("", OIP, OWN)] == [wanted] * 3
                assert (await client(OIP, "ServerReady", oip.ServerReadyRequest())).ready is is_ready

    within(story())


def test_reflection_lists_the_services_and_describes_them() -> None:
    async def story() -> None:
        async with served() as (_, client):
            call = client.channel.stream_stream(
                REFLECTION,
                request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
                response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
            )
            asked = [
                reflection_pb2.ServerReflectionRequest(list_services=""),
                reflection_pb2.ServerReflectionRequest(file_containing_symbol=OIP),
            ]
            listed, described = [answer async for answer in call(each(*asked))]
        names = {service.name for service in listed.list_services_response.service}
        assert names >= {OIP, OWN, "tensorflow.serving.PredictionService", "grpc.health.v1.Health"}
        assert described.file_descriptor_response.file_descriptor_proto

    within(story())


def test_who_may_not_pass_is_refused_and_who_may_is_named_to_the_plane() -> None:
    class Keys(Access):
        def check(self, token: str | None, model: str, control: bool = False) -> Failure | None:
            """Know one token."""
            permit = self.admit(token, model)
            return permit if isinstance(permit, Failure) else None

        def admit(self, token: str | None, model: str, control: bool = False) -> Permit | Failure:
            """Admit one token."""
            if token == "good":
                return Permit(
                    Bearer(Key(name="team", hash="0" * 64, created=datetime(2026, 1, 1, tzinfo=UTC)), 0)
                )
            return Failure("PERMISSION_DENIED", f"no key for {model}")

    async def story() -> None:
        plane = Plane()
        async with served(plane, access=Keys(None, lambda: 0)) as (_, client):
            for name, asked in (
                ("ModelInfer", infer()),
                ("ModelMetadata", oip.ModelMetadataRequest(name="m")),
                ("ModelStatistics", oip.ModelStatisticsRequest()),
                ("RepositoryIndex", oip.RepositoryIndexRequest()),
                ("RepositoryModelLoad", oip.RepositoryModelLoadRequest(model_name="m")),
            ):
                error = await refusal(client(OIP, name, asked))
                assert error.code() is grpc.StatusCode.PERMISSION_DENIED, name
            metadata = (("authorization", "Bearer good"),)
            await client(OIP, "ModelInfer", infer(), metadata=metadata)
        assert [call.key for call in plane.calls] == ["team"]

    within(story())


def test_a_stranger_opens_no_stream_and_a_key_pays_once_for_statistics(tmp_path: Path) -> None:
    write(tmp_path / "keys", key("ada", rate=0.1, burst=1))
    clock = Clock()
    access = Access(Keyring(tmp_path / "keys", clock), clock)

    async def story() -> None:
        async with served(access=access) as (_, client):
            stream = client(OIP, "ModelStreamInfer", each(infer()))
            error = await refusal(stream.read())
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            assert (await client(OIP, "ServerLive", oip.ServerLiveRequest())).live
            asked = oip.ModelStatisticsRequest(name="m")
            await client(OIP, "ModelStatistics", asked, metadata=(("x-api-key", "ada-text"),))

    within(story())


def test_a_port_that_is_taken_is_a_settings_error() -> None:
    async def story() -> None:
        async with served() as (server, _):
            with pytest.raises(SettingsError, match="cannot listen on"):
                await grpc_server(Desk(Plane(), CATALOGUE, OPEN), f"127.0.0.1:{server.port}")

    within(story())


def test_metadata_carries_text_alone() -> None:
    texts = {"a": "plain", "b": "line\nbreak", "c": "ä", "d": "x" * (MAX_TEXT + 1)}
    assert metadata_of(texts) == (("a", "plain"),)
    assert text_metadata([("A", "1"), ("b-bin", b"2"), ("a", "3")]) == {"a": "3"}
