"""What the Open Inference Protocol tells of a model: its metadata, configuration and place in the index."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable
from pointsman.core.tensor import TensorSpec
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.oip import model_config_pb2 as config
from pointsman.wire.oip_metadata import data_type, index_entry, versions_told
from pointsman.wire.oip_statistics import Duration, InferenceStatistics, VersionStatistics


def metadata_of(table: RouteTable, spec: VersionSpec, version: str = "") -> oip.ModelMetadataResponse:
    """Return the metadata of a version or a model as over REST; tensors are missing without a signature."""
    answer = oip.ModelMetadataResponse(
        name=table.model, versions=versions_told(table, version), platform=spec.runtime
    )
    if spec.signature is not None:
        answer.inputs.extend(_metadata(tensor) for tensor in spec.signature.inputs)
        answer.outputs.extend(_metadata(tensor) for tensor in spec.signature.outputs)
    return answer


def config_of(table: RouteTable, spec: VersionSpec) -> config.ModelConfig:
    """Return the configuration of a version; dimensions lack the batch, as those of all batched models."""
    answer = config.ModelConfig(
        name=table.model,
        platform=spec.runtime,
        backend=spec.runtime,
        max_batch_size=spec.max_batch,
        dynamic_batching=config.ModelDynamicBatching(),
        model_transaction_policy=config.ModelTransactionPolicy(decoupled=False),
    )
    if spec.signature is not None:
        for tensor in spec.signature.inputs:
            answer.input.add(name=tensor.name, data_type=data_type(tensor), dims=tensor.shape[1:])
        for tensor in spec.signature.outputs:
            answer.output.add(name=tensor.name, data_type=data_type(tensor), dims=tensor.shape[1:])
    return answer


def index_of(table: RouteTable) -> Iterator[oip.RepositoryIndexResponse.ModelIndex]:
    """Yield the model's versions with their states."""
    for entry in table.versions.values():
        yield oip.RepositoryIndexResponse.ModelIndex(**index_entry(table.model, entry))


def _metadata(tensor: TensorSpec) -> oip.ModelMetadataResponse.TensorMetadata:
    return oip.ModelMetadataResponse.TensorMetadata(
        name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
    )


def statistics_of(counts: VersionStatistics) -> oip.ModelStatistics:
    """Return the counters of a version."""
    stats = {
        name: oip.StatisticDuration(count=spent.count, ns=spent.ns)
        for name in InferenceStatistics.__struct_fields__
        if isinstance(spent := getattr(counts.inference_stats, name), Duration)
    }
    return oip.ModelStatistics(
        name=counts.name,
        version=counts.version,
        last_inference=counts.last_inference,
        inference_count=counts.inference_count,
        execution_count=counts.execution_count,
        inference_stats=oip.InferStatistics(**stats),
    )
