"""The server over HTTP: REST, the admin port and the metrics page."""
