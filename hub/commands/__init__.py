"""What people do with a hub from the command line, one file a subject; `hub.cli` puts them together."""
