"""Only what Shipworthy uses."""
