"""What runs a model: one file per framework, imported only when used."""
