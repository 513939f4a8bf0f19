"""The checks of one stage: each turns evidence into a finding, and a verdict is a digest over them."""
