"""HTTP requests through the gateway beside a bare HTTP server that holds the model itself."""
