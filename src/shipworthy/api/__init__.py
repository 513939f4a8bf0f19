"""The control interface over HTTP."""
