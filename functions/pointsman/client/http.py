"""Predictions over HTTP, synchronous and asynchronous. Needs the extra `http`: pip install 'pointsman[http]'.

Both clients speak the Open Inference Protocol v2 to a gateway. Arrays travel in binary, both ways. A JSON
body goes as it is: one with `inputs` to /v2, one with `instances`, or a list of them, to /v1 as TensorFlow
Serving takes it.

A request is sent again, with the same id, where that may help: after 429, 503, or a connection that was
refused or ended before an answer. That is safe, for an inference changes nothing: at worst it is computed
twice. The pauses grow and are drawn by chance, Retry-After is honoured, and the deadline counts for all
attempts together.
"""

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.http_async import AsyncHttpClient
from pointsman.client.http_sync import HttpClient

__all__ = ["AsyncHttpClient", "Health", "HttpClient", "Metadata", "ModelVersion"]
