"""The use cases, one file a verb: roles, ledger events and the error boundary stand here once."""
