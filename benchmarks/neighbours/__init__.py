"""Has a version hang, crash or load again and again, and looks at how another model of the pod fares."""
