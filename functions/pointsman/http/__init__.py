"""HTTP for function processes: connections, requests, answers. Knows nothing of what they are about."""
