"""People and proof: who may do what, what was approved, and a ledger that shows any tampering."""
