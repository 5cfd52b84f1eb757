"""Predictions over gRPC, synchronous and asynchronous. Needs the extra `grpc`: pip install 'pointsman[grpc]'.

Both clients ask a gateway's own service, pointsman.v1.Inference, whose messages are those of the topics: what
a Prediction of the Kafka client says, theirs says too. A request is sent again, with the same id, where that
may help and as the HTTP clients do it. `stream` sends many requests over one call.
"""

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.ask import Ask
from pointsman.client.grpc_async import AsyncGrpcClient
from pointsman.client.grpc_sync import GrpcClient

__all__ = ["Ask", "AsyncGrpcClient", "GrpcClient", "Health", "Metadata", "ModelVersion"]
