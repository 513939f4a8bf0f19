# scikit-learn ships no types: what we use of it.
