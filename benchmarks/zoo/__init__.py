"""Many more models in one job than its pod has memory for."""
