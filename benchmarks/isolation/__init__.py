"""Lets two million requests of one slow model wait, and looks at how all others fare meanwhile."""
