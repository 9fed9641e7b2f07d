"""How the app is opened: an EHR's sign-in, who looks, what was allowed, and how long that lasts."""
