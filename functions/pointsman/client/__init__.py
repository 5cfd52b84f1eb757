"""An asynchronous Kafka client: send requests, await predictions, change models."""

from pointsman.client.ack import Ack
from pointsman.client.client import Client
from pointsman.client.prediction import Inputs, Prediction

__all__ = ["Ack", "Client", "Inputs", "Prediction"]
