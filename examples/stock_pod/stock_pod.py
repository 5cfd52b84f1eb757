"""A pod without pointsman: any function server of the StateFun SDK can serve a pool of the running job.

It needs the SDK (`apache-flink-statefun` or `flink-statefun`), aiohttp, a Kafka client, and our generated
messages. Run it as `python stock_pod.py KAFKA PORT`; it serves model `doubles`, version `1`, of pool `stock`.

Four duties: answer each task, report totals to the router, say READY every few seconds, keep no task waiting.
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from typing import Any

from aiohttp import web
from confluent_kafka import Producer
from statefun import (
    Context,
    Message,
    RequestReplyHandler,
    StatefulFunctions,
    ValueSpec,
    kafka_egress_message,
    message_builder,
    simple_type,
)

from pointsman.pb.v1 import inference_pb2, ingress_pb2, routing_pb2, serving_pb2

POOL, MODEL, VERSION = "stock", "doubles", "1"


def message_type(message: Any) -> Any:
    """Return the SDK's type of one of our messages."""
    typename = f"pointsman.v1/{message.DESCRIPTOR.name}"
    return simple_type(typename, message.SerializeToString, message.FromString)


TASKS = message_type(serving_pb2.TaskBatch)
REPORT = message_type(serving_pb2.BatchReport)

functions = StatefulFunctions()


@functions.bind(typename=f"models/{POOL}", specs=[ValueSpec(name="totals", type=REPORT)])
def serve(context: Context, message: Message) -> None:
    """Answer every task of a batch; handles and ticks need no answer here."""
    if not message.is_type(TASKS):
        return
    batch = message.as_type(TASKS)
    for task in batch.tasks:
        context.send_egress(
            kafka_egress_message(
                typename=f"pointsman/{batch.egress or 'out'}",
                topic=batch.output,
                key=task.reply_key,
                value=answer(batch, task).SerializeToString(),
            )
        )
    report(context, batch)


def answer(batch: serving_pb2.TaskBatch, task: serving_pb2.Task) -> inference_pb2.InferenceResponse:
    """Return twice the numbers of the request's first tensor."""
    ingress = ingress_pb2.Ingress.FromString(task.ingress)
    request = inference_pb2.InferenceRequest.FromString(ingress.value)
    response = inference_pb2.InferenceResponse(
        id=task.id,
        model=batch.model,
        version=batch.version,
        arm=batch.arm,
        epoch=batch.epoch,
        decision_id=task.decision_id,
    )
    given = request.tensors.tensors[0]
    form = f"<{len(given.raw) // 4}f"
    doubled = [2 * number for number in struct.unpack(form, given.raw)]
    response.outputs.tensors.add(
        name="y", datatype="FP32", shape=given.shape, raw=struct.pack(form, *doubled)
    )
    return response


def report(context: Context, batch: serving_pb2.TaskBatch) -> None:
    """Tell the router what is done, so that it knows what is in flight."""
    totals = context.storage.totals
    if totals is None or totals.generation != batch.generation:
        shard = int(context.address.id.rsplit("~", 1)[1])
        totals = serving_pb2.BatchReport(version=batch.version, generation=batch.generation, shard=shard)
    totals.done += len(batch.tasks)
    context.storage.totals = totals
    context.send(
        message_builder(
            target_typename="pointsman/router", target_id=batch.model, value=totals, value_type=REPORT
        )
    )


def announce(kafka: str) -> None:
    """Say that this pod is ready, for as long as it lives. Generation 0: the version as it is registered."""
    producer = Producer({"bootstrap.servers": kafka})
    held = serving_pb2.PodStatus.Held(version=VERSION, state=routing_pb2.READY)
    while True:
        status = serving_pb2.PodStatus(
            pod="stock-pod", pool=POOL, model=MODEL, held=[held], at_ms=int(time.time() * 1000)
        )
        producer.produce("pointsman.status", status.SerializeToString(), key=MODEL)
        producer.flush(5)
        time.sleep(2)


def main() -> None:
    """Serve until stopped."""
    kafka, port = sys.argv[1], int(sys.argv[2])
    threading.Thread(target=announce, args=(kafka,), daemon=True).start()
    handler = RequestReplyHandler(functions)

    async def handle(request: web.Request) -> web.Response:
        reply = await handler.handle_async(await request.read())
        return web.Response(body=reply, content_type="application/octet-stream")

    app = web.Application(client_max_size=0)
    app.router.add_post("/{path:.*}", handle)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()
