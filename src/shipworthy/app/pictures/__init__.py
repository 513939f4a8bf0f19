"""Pictures: each file draws one Plotly figure as plain JSON, with the numbers behind it, from documents' bodies.

Console, notebook and report show the same figures. Rule: the title says the message with its numbers; what a line
is stands beside the line; no more than five series, one accent, greys otherwise.
"""
