"""One predictor under every face: each request is decoded, held to the contract, answered and recorded."""
