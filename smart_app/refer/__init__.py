"""Referring: the order, the packet that goes with it, and what is still missing in it."""
