"""What every face shows, as plain values: the pages and the API read the same views, so they cannot disagree."""
