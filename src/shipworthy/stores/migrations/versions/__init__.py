"""One file a migration, numbered like ``formats.WORKSPACE``."""
