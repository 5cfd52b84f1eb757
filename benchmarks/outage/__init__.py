"""Takes a pool away, or has a version load, for minutes, and looks at how the other models fare meanwhile."""
