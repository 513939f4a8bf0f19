"""The ground: ids, errors, clock, digests, findings and plans; the standard library only."""
