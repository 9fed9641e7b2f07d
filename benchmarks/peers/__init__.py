"""Other people's servers with a rule like ours; they run in an environment of their own (`make peers`)."""
