"""The controller: gives Services their addresses and writes them into the API."""
