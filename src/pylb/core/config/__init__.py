"""The configuration: objects of the API, read one by one and as one set."""
