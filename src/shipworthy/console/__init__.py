"""The pages: what an owner, an operator and a gatekeeper look at."""
