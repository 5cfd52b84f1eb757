"""HTTP and gRPC through the gateway beside other servers, by turns."""
