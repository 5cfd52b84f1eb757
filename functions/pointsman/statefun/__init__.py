"""The only room that knows the StateFun request-reply protocol."""
