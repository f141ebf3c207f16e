"""Files on disk as samples: how folders and lists of them are read, whatever the files hold."""
