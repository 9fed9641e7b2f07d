"""Puts the doors on one application: settings, the server, the `second-opinion` command."""
