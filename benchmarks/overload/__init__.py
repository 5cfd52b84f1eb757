"""Sends twice what a model can take, without waiting for answers, and looks at what becomes of it."""
