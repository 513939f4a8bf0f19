"""Where data-frame work runs: one protocol, with DuckDB as the embedded engine."""
