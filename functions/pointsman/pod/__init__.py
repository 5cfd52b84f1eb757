"""A pod follows the routes topic, holds the versions of its pool, and serves them."""
