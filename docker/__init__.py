"""Running Meridian as a fleet: the image, the compose file, and the settings of its HTTP server."""
