"""What a million requests leave behind in a gateway's memory."""
