"""pointsman: many models, many versions, one Flink Stateful Functions job."""

__version__ = "0.1.0"
