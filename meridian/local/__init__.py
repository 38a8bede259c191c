"""The servers that `meridian up` brings along where nothing but Python is installed."""
