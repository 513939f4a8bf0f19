"""Where records and bytes live: small protocols with written promises, and the embedded implementations of each."""
