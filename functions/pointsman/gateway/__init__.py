"""The gateway: doors in the field's protocols before one plane that submits a request and gets its answer."""
