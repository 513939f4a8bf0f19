"""What the data promises and what may be known when: sources, contracts, profiles and point-in-time features."""
