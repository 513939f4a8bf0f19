"""Pure decisions about what serves next."""
