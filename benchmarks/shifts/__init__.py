"""How long a model goes on answering by its old weights after a command has changed them."""
