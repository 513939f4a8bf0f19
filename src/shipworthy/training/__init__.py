"""Candidates against the baseline: made within a budget, judged forward in time, written as one ONNX graph."""
