"""The gRPC doors: the Open Inference Protocol, TensorFlow Serving and our own service on one port."""
