"""The goal and its value: one business question in numbers, read by every other room.

Rule: everything here is frozen and validated when made; reading a file is the business of ``problem.reader`` alone.
"""
