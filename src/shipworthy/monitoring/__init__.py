"""What production says: windows over records and labels, held against the goal."""
