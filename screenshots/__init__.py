"""The pictures in docs/images, taken anew from a running demo. Not part of `docs`, all of which a build must run.

Run by hand: dates count back from today, so that no two days give the same pictures.
"""
