"""The actions that begin with a form: options discussed, care done elsewhere."""
