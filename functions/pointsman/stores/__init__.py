"""Where bytes live that do not travel through the stream."""
